"""Two small services for tests of the core: a till that sells, and a book that counts sales."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, TypeAdapter

from libs.common.callers import EVERYTHING, Caller
from libs.common.contracts.audit import TOPIC
from libs.common.http import Desk, expected
from libs.common.http.guards import Guard
from libs.common.ids import derived
from libs.common.messages import (
    Context,
    Decider,
    Due,
    Effect,
    Envelope,
    Event,
    Instruction,
    Refused,
    SetTimer,
    Wait,
)
from libs.common.projections import Copy, Counter
from libs.common.service import Service
from libs.common.settings import Settings
from libs.common.topics import File, Topic


class Sold(Event):
    type: ClassVar[str] = "till.sold.v1"
    sealed: ClassVar[frozenset[str]] = frozenset({"buyer"})
    till: UUID
    good: str
    amount: int
    buyer: str | None = None


class Entered(Event):
    type: ClassVar[str] = "page.entered.v1"
    page: UUID
    good: str
    amount: int


class Checked(Event):
    type: ClassVar[str] = "page.checked.v1"
    page: UUID


class Listed(Event):
    type: ClassVar[str] = "good.listed.v1"
    good: str


@dataclass(frozen=True, slots=True)
class Till:
    id: UUID
    sales: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """What a book knows of one till."""

    id: UUID
    sales: int = 0
    total: int = 0
    checks: int = 0


@dataclass(frozen=True, slots=True)
class Enter:
    good: str
    amount: int


@dataclass(frozen=True, slots=True)
class Sell:
    good: str
    amount: int
    buyer: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    pass


def sell(state: Till, command: Sell) -> Sequence[Sold]:
    if command.amount <= 0:
        raise Refused("illegal_transition", allowed=("sell",))
    return [Sold(till=state.id, good=command.good, amount=command.amount, buyer=command.buyer)]


def sold(state: Till, event: Sold) -> Till:
    return replace(state, sales=state.sales + 1, total=state.total + event.amount)


def enter(state: Page, command: Enter | Check) -> Sequence[Entered | Checked]:
    match command:
        case Enter(good, amount):
            return [Entered(page=state.id, good=good, amount=amount)]
        case Check():
            return [Checked(page=state.id)]


def entered(state: Page, event: Entered | Checked) -> Page:
    match event:
        case Entered():
            return replace(state, sales=state.sales + 1, total=state.total + event.amount)
        case Checked():
            return replace(state, checks=state.checks + 1)


TILL: Decider[Till, Sell, Sold] = Decider("till", Till, sell, sold, TypeAdapter(Till), (Sold,))
PAGE: Decider[Page, Enter | Check, Entered | Checked] = Decider(
    "page", Page, enter, entered, TypeAdapter(Page), (Entered, Checked)
)


@dataclass(frozen=True, slots=True)
class Good:
    name: str = ""


@dataclass(frozen=True, slots=True)
class ListGood:
    name: str


GOOD: Decider[Good, ListGood, Listed] = Decider(
    "good",
    lambda _: Good(),
    lambda state, command: [] if state.name else [Listed(good=command.name)],
    lambda state, event: Good(event.good),
    TypeAdapter(Good),
    (Listed,),
)


ONE = "SELECT version, state FROM till WHERE id = $1"


class SellBody(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: UUID | None = None
    till: UUID
    good: str = "tea"
    amount: int
    buyer: str | None = None


def routes(desk: Desk[Any]) -> APIRouter:
    router = desk.router()

    @router.post("/sales", status_code=201)
    async def post_sale(request: Request, body: SellBody) -> Response:
        def plan(context: Context[Any]) -> Iterable[Effect]:
            command = Sell(body.good, body.amount, body.buyer)
            version = expected(request) if "If-Match" in request.headers else None
            return [TILL.to(body.till, command, expected=version)]

        return await desk.command(request, plan, body=body, id=body.id)

    @router.get("/tills/{id}")
    async def show_till(request: Request, id: UUID, response: Response) -> Mapping[str, Any]:
        async with desk.reading(request) as look:
            row = await look.connection.fetchrow(ONE, id)
            found = row and {**json.loads(row["state"]), "version": row["version"]}
            return look.one(found, response)

    return router


def open_to_all(settings: Settings) -> Guard:
    """A shop asks nobody who they are."""
    return lambda request, context: Caller("anonymous", None, EVERYTHING)


def no_routes(desk: Desk[Any]) -> APIRouter:
    return desk.router()


ENDLESS = 66
"""An amount whose handler never ends."""


def on_sold(event: Sold, context: Context[frozenset[str]]) -> Iterable[Effect]:
    """Unknown goods wait; each sale is counted at once and checked a moment later."""
    assert context.envelope
    if event.amount == ENDLESS:
        time.sleep(3600)
    if event.good not in context.facts:
        raise Wait(f"good {event.good}")
    yield Instruction(PAGE, event.till, Enter(event.good, event.amount))
    if event.amount == 77:
        raise ZeroDivisionError("a handler that crashes")
    check = derived(context.envelope.id, "check")
    data = {"page": str(event.till)}
    yield SetTimer("check", check, context.now + timedelta(milliseconds=50), data)


def check(due: Due, context: Context[Any]) -> Iterable[Effect]:
    return [PAGE.to(UUID(due.data["page"]), Check())]


def good_rows(event: Listed, envelope: Envelope) -> Iterable[Sequence[Any]]:
    return [(event.good, envelope.version)]


def takings_rows(event: Sold, envelope: Envelope) -> Iterable[Sequence[Any]]:
    return [(event.good, 1, event.amount)]


GOODS = Copy(
    "good_copy", ("good",), {"good": "text", "version": "int"}, {Listed: good_rows}, fact=True
)
TAKINGS = Counter(
    "takings",
    ("good",),
    {"good": "text", "sales": "bigint", "amount": "bigint"},
    {Sold: takings_rows},
)

_STATE = """
CREATE TABLE {name} (
    id uuid PRIMARY KEY, previous int NOT NULL, version int NOT NULL, shape int NOT NULL,
    key text NOT NULL, state jsonb NOT NULL, changed_at timestamptz NOT NULL
);
"""
_COPIES = """
CREATE TABLE good_copy (good text PRIMARY KEY, version int NOT NULL, fact_number bigint NOT NULL);
CREATE TABLE takings (good text PRIMARY KEY, sales bigint NOT NULL, amount bigint NOT NULL);
"""


def _goods(tables: Any) -> frozenset[str]:
    return frozenset(row["good"] for row in tables.get("good_copy", {}).values())


@dataclass(frozen=True)
class Room(Service):
    """A service whose tables are given as text, in a folder of their own."""

    tables: str = ""

    @property
    def folder(self) -> Path:
        folder = Path(tempfile.gettempdir()) / f"civicgrid-tests-{self.name}"
        (folder / "migrations").mkdir(parents=True, exist_ok=True)
        (folder / "migrations" / "001_tables.sql").write_text(self.tables)
        return folder

    room = property(lambda self: self.folder)


def services(suffix: str) -> tuple[Room, Room]:
    """A till and a book whose databases, topics and groups nobody else uses."""
    room = partial(Room, migrations=())
    till = room(
        name=f"till_{suffix}",
        deciders=(TILL, GOOD),
        policies={},
        timers={},
        projections=(),
        facts=lambda _: frozenset(),
        consumes=(),
        routes=routes,
        guard=open_to_all,
        tables=_STATE.format(name="till") + _STATE.format(name="good"),
    )
    book = room(
        name=f"book_{suffix}",
        deciders=(PAGE,),
        policies={Sold: on_sold},
        timers={"check": check},
        projections=(GOODS, TAKINGS),
        facts=_goods,
        consumes=(till.topic,),
        routes=no_routes,
        guard=open_to_all,
        tables=_STATE.format(name="page") + _COPIES,
    )
    return till, book


def topics(*names: str) -> File:
    there = {name: Topic(owner="t", readers=(), retention_days=1) for name in (*names, TOPIC)}
    return File(partitions=12, replication=1, topics=there)
