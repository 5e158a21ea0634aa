"""Each role at each relation to a thing, for each action of the rights file, over HTTP; and what
the reader of each service has of each table for each of them (rows P16 and P17).

What is expected is worked out in `matrix`. Nothing is left out: each route, each id in a path, each
list and each table that a reader may read stands here, or a test fails.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from fastapi import Request
from fastapi.routing import APIRoute

from cli.passes import Pass
from libs.common.callers import Scope
from libs.common.http.desk import SET_SCOPE
from libs.common.ids import uuid7
from libs.common.messages import Cause, Effect, Refused
from libs.common.running import Running
from libs.common.work import Done, Work
from services.leads.domain import RETENTION_REVIEW, SUPERVISION
from services.leads.domain.retention import FallDue, review_of
from services.leads.domain.supervision import Issue
from services.registry import sources
from tests.e2e.small_city import matrix
from tests.e2e.small_city.matrix import (
    BODIES,
    ELSEWHERE,
    PLACES,
    ROUTES,
    Seat,
    Somebody,
    Thing,
    cast,
    holds,
    is_hidden,
    is_near,
    may,
    may_ask,
    rule_of,
    sees_all,
)
from tests.e2e.small_city.plan import (
    AROUND,
    CELL,
    COMMUNITY,
    beside,
    middle,
    persons_of_the_plan,
)
from tests.e2e.small_city.test_content import OFFICER
from tests.e2e.small_city.test_sharing import admitted, signed
from tests.e2e.small_city.test_sharing import batch as good_batch
from tests.support.awaiting import eventually
from tests.support.town import Town, is_ok

AT_ONCE = 24
"""Requests."""
FOR_ALL = ("/areas/counts", "/routing-rules", "/alert-rules", "/mediation-centres", "/schemes")
"""A read of each service that knows of posts, for all who have any of most roles."""
COUNTED = Counter[tuple[str, str]]()
"""Cells that were run: by service and route; and in SQL, by `sql` and service."""
OF_THE_PLAN = "own cell, told of it"
"""Of somebody who stays in their post."""
TEXT = "somebody was last seen there"


@dataclass(frozen=True)
class World:
    """All who ask, and what there is, by name."""

    town: Town
    people: Sequence[Somebody]
    things: Mapping[str, Thing]
    client: httpx.AsyncClient

    async def ask(
        self, who: Somebody, verb: str, path: str, body: Any = None, **told: str
    ) -> httpx.Response:
        """`told`: headers. An application in this process is called without a client between, which
        takes as long as the application does."""
        headers = {name.replace("_", "-"): value for name, value in told.items()}
        if who.is_known:
            headers["Authorization"] = self._pass_of(who).header
        if who.grant:
            headers["Civicgrid-Grant"] = who.grant
        transport = self.client._transport
        if isinstance(transport, httpx.ASGITransport):
            return await _called(transport.app, verb, path, body, headers)
        return await self.client.request(verb, path, json=body, headers=headers)

    def _pass_of(self, who: Somebody) -> Pass:
        if who not in PASSES:
            assert self.town.settings.tokens
            person = None if who.founder else who.id
            PASSES[who] = Pass(self.town.settings.tokens, person, who.founder)
        return PASSES[who]


PASSES: dict[Somebody, Pass] = {}


async def _called(
    app: Any, verb: str, path: str, body: Any, headers: Mapping[str, str]
) -> httpx.Response:
    content = b"" if body is None else json.dumps(body).encode()
    told = {"host": "city", **({"content-type": "application/json"} if content else {}), **headers}
    told["content-length"] = str(len(content))
    address, _, query = path.partition("?")
    scope = {
        **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http"},
        **{"method": verb, "path": address, "raw_path": address.encode(), "root_path": ""},
        **{"query_string": query.encode(), "client": ("127.0.0.1", 1), "server": ("city", 80)},
        "headers": [(name.lower().encode(), value.encode()) for name, value in told.items()],
    }
    told_of, parts, asked = list[Any](), list[bytes](), [content]

    async def receive() -> Any:
        if asked:
            return {"type": "http.request", "body": asked.pop(), "more_body": False}
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            told_of.append(message)
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    (start,) = told_of
    return httpx.Response(start["status"], headers=start["headers"], content=b"".join(parts))


async def together(calls: Iterable[Any]) -> list[Any]:
    """Not too many at once: a pool has few connections."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(call: Any) -> Any:
        async with room:
            return await call

    return await asyncio.gather(*map(one, calls))


@pytest.fixture(scope="module")
async def world(town: Town) -> AsyncIterator[World]:
    """Posts, appointments and grants are there for this module alone."""
    people = list(cast())
    issuer = Somebody("issuer", (Seat("community_officer", ELSEWHERE, None),))
    mediator = Somebody("on the panel", (Seat("mediator", ELSEWHERE, None),))
    asker = Somebody("who asked", (Seat("mediation_staff", COMMUNITY, None),))
    people += [issuer, mediator, asker]
    held = await seated(town, people)
    worker = next(one for one in persons_of_the_plan() if one.area == CELL)
    people.append(Somebody(OF_THE_PLAN, (Seat(worker.role, CELL),), id=worker.id))
    transport, url = town.client._transport, town.client.base_url
    async with httpx.AsyncClient(transport=transport, base_url=url, timeout=60) as client:
        here = World(town, people, {}, client)
        await known(here)
        things = await made(here, issuer, mediator, asker)
        here = replace(here, things=things)
        await granted(here)
        yield here
        await unseated(here, held)


async def seated(town: Town, people: Sequence[Somebody]) -> dict[str, str]:
    """Ids of the appointments that hold now, by post."""
    posts, appointments = [], []
    for one in people:
        for seat in (*one.seats, *one.past, *one.future):
            code = f"matrix-{uuid4().hex[:12]}"
            told: dict[str, Any] = {"code": code, "role": seat.role, "area": seat.area}
            posts.append({**told, "organisation": seat.office})
            begins = {"valid_from": "2199-01-01T00:00:00Z"} if seat in one.future else {}
            appointments.append({"post": code, "person_ref": str(one.id), **begins})
    await town.load([("/posts/batch", posts)])
    answer = await town.post("/appointments/batch", {"items": appointments})
    items = answer.json()["items"]
    assert not [item for item in items if item["status"] >= 400], items[:3]
    held = {item["code"]: item["id"] for item in items}
    past = {str(one.id) for one in people if one.past}
    ended = [held[one["post"]] for one in appointments if one["person_ref"] in past]
    later = {one["post"] for one in appointments if "valid_from" in one}
    for id in ended:
        assert (await town.post(f"/appointments/{id}/end", {})).status_code == 200
    return {post: id for post, id in held.items() if id not in ended and post not in later}


async def known(here: World) -> None:
    """Until every service knows who has which post."""
    asked = {"privacy_officer": ("/alerts",), "assessor": ("/schemes",)}
    silent = ("system_admin", "integrator")
    await here.town.spread()

    async def sees(who: Somebody, path: str) -> None:
        await eventually(partial(here.ask, who, "GET", path), is_ok, within=90)

    async def sees_not(who: Somebody, path: str) -> None:
        gone = partial(here.ask, who, "GET", path)
        await eventually(gone, lambda answer: answer.status_code == 403, within=90)

    await together(
        sees(who, path)
        for who in here.people
        for seat in who.seats
        for path in asked.get(seat.role, () if seat.role in silent else FOR_ALL)
    )
    await together(sees_not(who, path) for who in here.people if who.past for path in FOR_ALL)


async def unseated(here: World, held: Mapping[str, str]) -> None:
    """Whom later tests meet in a post are those of the plan."""
    town = here.town
    await together(
        here.ask(who, "POST", f"/break-glass/{who.grant}/end", If_Match="*")
        for who in here.people
        if who.grant
    )
    await together(_given_up(town, post, id) for post, id in held.items())

    async def gone(who: Somebody, path: str) -> None:
        ask = partial(here.ask, who, "GET", path)
        await eventually(ask, lambda answer: answer.status_code in (403, 404), within=90)

    left = [who for who in here.people if who.seats and who.relation != OF_THE_PLAN]
    await together(gone(who, path) for who in left for path in FOR_ALL)


async def _given_up(town: Town, post: str, id: str) -> None:
    ended = await town.post(f"/appointments/{id}/end", {})
    assert ended.status_code == 200, ended.text
    abolished = await town.post(f"/posts/{post}/abolish")
    assert abolished.status_code == 200, abolished.text


async def made(
    here: World, issuer: Somebody, mediator: Somebody, asker: Somebody
) -> dict[str, Thing]:
    """A thing of each kind, in CELL or its community."""
    town = here.town
    theft, near, quarrel = (str(uuid7()) for _ in range(3))
    lon, lat = middle(CELL)
    place = {"longitude": lon, "latitude": lat, "accuracy_m": AROUND}
    for body in (
        {"id": theft, "lead_type": "theft", "cell": CELL},
        {"id": near, "lead_type": "theft", **place},
        {"id": quarrel, "lead_type": "neighbour_quarrel", "cell": CELL},
    ):
        assert (await town.post("/leads", body)).status_code == 201
    room = f"police_room-{COMMUNITY}"

    async def of(path: str, **query: Any) -> list[Any]:
        return list((await town.get(path, **query))["items"])

    (alert, *_) = await eventually(partial(of, "/alerts", about=theft), bool)
    receipts = await of(f"/alerts/{alert['id']}/receipts", limit=200)
    (case, *_) = await eventually(partial(of, "/mediation-cases", lead_id=quarrel), bool)
    told = frozenset(one["person_ref"] for one in receipts)
    path = f"/mediation-cases/{case['id']}"
    await town.post(f"{path}/accept", {"grade": "simple"})
    consents = [str(uuid4()), str(uuid4())]
    panel = {"mediators": [str(mediator.id)], "consents": consents}
    assert (await town.post(f"{path}/form-panel", panel)).status_code == 200
    assert str(here.people[-1].id) in told, "whose cell it is"
    sign = f"/alerts/{alert['id']}/acknowledge"
    signs = await here.ask(here.people[-1], "POST", sign, If_Match="*")
    assert signs.status_code == 200, signs.text
    return {
        "leads": Thing(theft, CELL, room, is_record=True),
        "leads near a border": Thing(near, CELL, room, beside=beside(AROUND), is_record=True),
        "alerts": Thing(alert["id"], CELL, persons=told, is_record=True),
        "mediation-cases": Thing(
            case["id"], CELL, case["centre"], frozenset({str(mediator.id)}), is_record=True
        ),
        **await _of_leads(town, UUID(theft), room),
        **await _of_the_registry(here, issuer),
        **await _of_the_portal(here, asker, mediator),
    }


async def _of_leads(town: Town, lead: UUID, room: str) -> dict[str, Thing]:
    running, at, card = town.running["leads"], datetime.now(UTC), uuid7()
    if running is None:
        pytest.skip("what services elsewhere do by themselves is not ours to hasten")
    for effect in (
        SUPERVISION.to(card, Issue(at, lead, COMMUNITY, CELL, room, "normal")),
        RETENTION_REVIEW.to(review_of(lead), FallDue(at, lead, COMMUNITY, CELL, "closed", at)),
    ):
        await _submit(running, effect)
    held = await town.privacy.post("/subject-requests", {"record": str(lead)})
    path = f"/subject-requests/{held.json()['id']}/hold"
    assert (await town.privacy.post(path, {"ground": "2026-1"})).status_code == 200
    count = "SELECT count(*) AS n FROM held_subject WHERE subject_ref = $1"
    await eventually(partial(town.rows, "leads", count, lead), lambda rows: bool(rows[0]["n"]))
    return {
        "supervisions": Thing(str(card), CELL, room),
        "retention-reviews": Thing(str(review_of(lead)), CELL),
    }


async def _submit(running: Running, effect: Effect) -> None:
    cause = Cause("sweep", "matrix", uuid7(), "/civicgrid/leads/sweep")
    work = Work(lambda _: (effect,), cause)
    await running.writer.submit([work])
    assert isinstance(work.result, Done), work.result


async def _of_the_registry(here: World, issuer: Somebody) -> dict[str, Thing]:
    """A batch that waits to be decided, and an entry of another that is in force."""
    town = here.town
    assert town.settings.tokens
    key = sources.made("bureau")
    sources.add(town.settings.tokens, key)
    issued = {"issued_by": str(issuer.id)}
    entry, _ = await admitted(town, key, **issued)
    waits = await town.of(OFFICER.id).post("/shared-batches", signed(key, good_batch(**issued)))
    assert waits.status_code == 201, waits.text
    filed = await town.privacy.post("/subject-requests", {"record": str(uuid7())})
    appointed = await town.rows("registry", "SELECT appointment_id FROM city_appointment LIMIT 1")
    theirs = frozenset({str(issuer.id)})
    return {
        "shared-batches": Thing(waits.json()["id"], COMMUNITY, persons=theirs),
        "shared-entries": Thing(entry, COMMUNITY, persons=theirs),
        "subject-requests": Thing(filed.json()["id"]),
        "appointments": Thing(str(appointed[0]["appointment_id"])),
    }


async def _of_the_portal(here: World, asker: Somebody, owner: Somebody) -> dict[str, Thing]:
    account = await here.town.post(
        "/accounts", {"name": f"n{uuid4().hex[:12]}", "person_ref": str(uuid4())}
    )
    device, glass = str(uuid7()), str(uuid7())
    registered = await here.ask(owner, "POST", "/devices", {"id": device})
    assert registered.status_code == 201, registered.text
    await _request(here, asker, glass, record=str(uuid7()))
    return {
        "accounts": Thing(account.json()["id"]),
        "devices": Thing(device, accounts=frozenset({matrix.account_of(owner)})),
        "break-glass": Thing(glass, COMMUNITY, persons=frozenset({str(asker.id)})),
    }


async def _request(here: World, who: Somebody, id: str, **what: str) -> None:
    body = {"id": id, "reason": "missing_person", "text": TEXT, "case_id": str(uuid7()), **what}
    answer = await here.ask(who, "POST", "/break-glass", body)
    assert answer.status_code == 201, f"{who}: {answer.text}"


async def granted(here: World) -> None:
    await together(_granted(here, who, who.asks) for who in here.people if who.asks)


async def _granted(here: World, who: Somebody, asks: str) -> None:
    """A break-glass grant of theirs, by the command centre, that is known everywhere."""
    id, is_area = str(uuid7()), asks not in here.things
    what = asks if is_area else here.things[asks].id
    await _request(here, who, id, **({"area": what} if is_area else {"record": what}))
    approved = await here.town.post(f"/break-glass/{id}/approve")
    assert approved.status_code == 200, f"{who}: {approved.text}"
    who.grant, who.area, who.record = id, what if is_area else None, None if is_area else what
    for path, action in READS.items():
        if may_ask(may(*action), who):
            await eventually(partial(here.ask, who, "GET", path), is_ok, within=90)


READS = {
    "/leads": ("leads", "list_leads"),
    "/alerts": ("alerts", "list_alerts"),
    "/mediation-cases": ("mediation", "list_cases"),
    "/shared-entries": ("registry", "list_entries"),
}
IN_A_BODY = {
    "apply": (Thing(CELL, CELL), 201),
    "submit_batch": (Thing(COMMUNITY, COMMUNITY), 422),
}
"""What is named in a body alone, and what they are answered in whose scope it is."""
CODES = {"code": "x", "scheme": "x", "subject": "x", "rule_set": "1", "year": "2026", "id": "x"}
"""In paths: of places, offices and the like, which all may know who may ask."""
PLAIN_IDS = {"schemes"}
LISTS: Mapping[str, tuple[str, ...]] = {
    "list_leads": ("leads", "leads near a border"),
    "list_unrouted": (),
    "list_supervisions": ("supervisions",),
    "list_reviews": ("retention-reviews",),
    "list_alerts": ("alerts",),
    "list_notifications": ("alerts",),
    "list_cases": ("mediation-cases",),
    "list_batches": ("shared-batches",),
    "list_entries": ("shared-entries",),
    "list_requests": ("subject-requests",),
    "list_accounts": ("accounts",),
    "list_devices": ("devices",),
    "list_break_glass": ("break-glass",),
}
"""Lists of what is of somebody, and what each has or has not."""
OPEN_LISTS = {
    *("list_areas", "list_uncovered", "list_organisations", "list_posts", "list_centres"),
    *("list_scores", "list_schemes"),
}
"""The same for all who may ask: of places, offices, posts and their figures."""
AT_THE_DOOR = (204, 401, 404, 422, 429)
"""Who asks without a session is not let in, whatever their posts:
`tests/integration/portal/test_sign_in.py`."""
SESSIONS = {"sign_out", "show_me", "change_password"}
NO_PROVIDER = {("portal", "bind_subject"), ("portal", "release_subject")}
"""Who may is told that this city has none."""
THINGS_IN_PATHS = {
    *("leads", "alerts", "mediation-cases", "retention-reviews", "shared-batches"),
    *("shared-entries", "subject-requests", "appointments", "accounts", "devices", "break-glass"),
}


def named(route: APIRoute, things: Mapping[str, Thing]) -> Iterator[Thing | None]:
    """What a route is tried with; None where it names nothing that is somebody's."""
    kind = route.path.split("/")[1]
    if route.name in LISTS:
        yield from (things[name] for name in LISTS[route.name])
        if not LISTS[route.name]:
            yield None
    elif route.name in IN_A_BODY:
        yield IN_A_BODY[route.name][0]
    elif "{id}" in route.path and kind not in PLAIN_IDS:
        yield things[kind]
        if kind == "leads":
            yield things["leads near a border"]
    else:
        yield None


def expected(service: str, name: str, verb: str, who: Somebody, thing: Thing | None) -> set[int]:
    """What may be answered; of a list, whatever it holds."""
    rights = may(service, name)
    if "anyone" in rights:
        return set(AT_THE_DOOR)
    if not who.is_known:
        return {401}
    if name in SESSIONS:
        return set(AT_THE_DOOR)
    if not may_ask(rights, who):
        return {404} if is_hidden(service, name, who) else {403}
    if (service, name) in NO_PROVIDER:
        return {404}
    if thing is None:
        return {200} if verb == "GET" and name.startswith("list_") else {200, 404, 412, 422}
    if name in LISTS:
        return {200}
    if not (holds(rights, who, thing) or is_near(rights, who, thing)):
        return {404}
    if name in IN_A_BODY:
        return {IN_A_BODY[name][1]}
    return {200} if verb == "GET" else {412}


def verb_of(route: APIRoute) -> str:
    return min(route.methods or ())


def request_of(service: str, route: APIRoute, thing: Thing | None) -> tuple[str, str, Any]:
    """Commands come at a version that nothing has, so that nothing changes."""
    verb = verb_of(route)
    path = route.path.format(**CODES | ({"id": thing.id} if thing else {}))
    if thing and route.name in LISTS:
        path += f"?limit=1&after={UUID(int=UUID(thing.id).int - 1)}"
    empty: Any = None if verb == "GET" or "{id}" in route.path else {}
    return verb, path, BODIES.get(route.name, {} if route.name == "end_appointment" else empty)


@pytest.mark.parametrize(("service", "route"), ROUTES, ids=lambda one: getattr(one, "name", one))
async def test_a_route_answers_as_the_rights_file_says(
    world: World, service: str, route: APIRoute
) -> None:
    tried = list(product(world.people, named(route, world.things)))
    purposes = rule_of(service, route.name).get("purposes", ())
    purpose = next((one for one in purposes if one == "resettle"), min(purposes, default=""))

    async def wrong(who: Somebody, thing: Thing | None) -> str | None:
        verb, path, body = request_of(service, route, thing)
        told = {"If_Match": '"999"'}
        if purpose and thing:
            told |= {"Civicgrid_Purpose": purpose, "Civicgrid_Case": thing.id}
        answer = await world.ask(who, verb, path, body, **told)
        wanted = expected(service, route.name, verb, who, thing)
        if answer.status_code not in wanted:
            return f"{who}: {answer.status_code}, not {wanted}: {path} {answer.text[:200]}"
        if thing and route.name in LISTS and answer.status_code == 200:
            rights = may(service, route.name)
            shown = thing.id in [one["id"] for one in answer.json()["items"]]
            if shown != holds(rights, who, thing):
                return f"{who}: {'shown' if shown else 'not shown'} in {path}"
        return None

    faults = [one for one in await together(wrong(*each) for each in tried) if one]
    assert not faults, "\n".join(faults[:20])
    assert len(tried) >= len(world.people)
    COUNTED[service, route.name] += len(tried)


async def test_a_list_of_what_is_near_holds_what_is_seen_masked_and_no_more(world: World) -> None:
    rights, seen = may("leads", "list_leads"), Counter[bool]()
    for who, name in product(world.people, ("leads", "leads near a border")):
        thing = world.things[name]
        path = f"/leads?neighbours=true&limit=1&after={UUID(int=UUID(thing.id).int - 1)}"
        answer = await world.ask(who, "GET", path)
        shown = answer.is_success and thing.id in [one["id"] for one in answer.json()["items"]]
        expected = is_near(rights, who, thing) and not holds(rights, who, thing)
        assert shown == expected, who
        seen[expected] += 1
    assert seen[True] > 2 and seen[False] > 2


async def test_what_is_outside_is_answered_as_what_is_absent(world: World) -> None:
    """In each word and header: of each read and command of what is somebody's."""
    for service, route in ROUTES:
        for thing in named(route, world.things):
            rights = may(service, route.name)
            who = next((one for one in world.people if _is_outside(rights, one, thing)), None)
            if thing is None or who is None or route.name in {*LISTS, *IN_A_BODY}:
                continue
            answers = []
            for one in (thing, replace(thing, id=str(uuid7()))):
                verb, path, body = request_of(service, route, one)
                told = {"If_Match": '"999"', "Civicgrid_Case": one.id}
                told["Civicgrid_Purpose"] = min(
                    rule_of(service, route.name).get("purposes", ("share",))
                )
                answer = await world.ask(who, verb, path, body, **told)
                kept = {name: value for name, value in answer.headers.items() if name != "date"}
                answers.append((answer.status_code, answer.content, kept))
            assert answers[0] == answers[1] and answers[0][0] == 404, f"{who}: {route.name}"


def _is_outside(rights: Mapping[str, set[str]], who: Somebody, thing: Thing | None) -> bool:
    may_try = who.is_known and thing is not None and may_ask(rights, who)
    return bool(
        may_try and thing and not holds(rights, who, thing) and not is_near(rights, who, thing)
    )


PLACED = frozenset({"place"})
ALL, PLAIN, NONE = "what sees everything", "everybody", "nobody"
Sight = str | tuple[str, frozenset[str], tuple[str, ...]]
"""Of a table: who sees its rows. A column, by which kinds of belonging its rows are seen, and of
which things it has rows."""
_OF_LEADS = ("leads", "leads near a border")
_OF_LEAD = frozenset({"place", "unit", "record"})
_OF_ALERT = frozenset({"place", "person", "record"})
_OF_CASE = frozenset({"place", "unit", "person", "record"})
_OF_GLASS = frozenset({"place", "person"})
CORE: Mapping[str, Sight] = {
    **dict.fromkeys(("inbox", "request", "timer", "dead_letter", "erasure", "reading_limit"), ALL),
    **dict.fromkeys(("city_appointment", "city_account", "city_grant"), ALL),
    **dict.fromkeys(("migration", "facts", "position", "relay", "clock", "audit_chain"), PLAIN),
    **dict.fromkeys(("city_area", "city_organisation", "city_post", "city_work_calendar"), PLAIN),
}
SIGHTS: Mapping[str, Mapping[str, Sight]] = {
    "leads": {
        "lead": ("id", _OF_LEAD, _OF_LEADS),
        "event": ("stream_id", _OF_LEAD, _OF_LEADS),
        "held_subject": ("subject_ref", _OF_LEAD, ("leads",)),
        "supervision": ("id", frozenset({"place", "unit"}), ("supervisions",)),
        "retention_review": ("id", PLACED, ("retention-reviews",)),
        "lead_candidate": ALL,
        "intake_item": ALL,
        "neighbour_lead": "whom it is near",
        "routing_rules": PLAIN,
        "routing_rule_set": PLAIN,
    },
    "alerts": {
        "alert": ("id", _OF_ALERT, ("alerts",)),
        "receipt": ("alert_id", _OF_ALERT, ("alerts",)),
        "signature": ("alert_id", _OF_ALERT, ("alerts",)),
        "event": ALL,
    },
    "mediation": {
        "mediation_case": ("id", _OF_CASE, ("mediation-cases",)),
        "event": ("stream_id", _OF_CASE, ("mediation-cases",)),
    },
    "portal": {
        "break_glass": ("id", _OF_GLASS, ("break-glass",)),
        "event": ("stream_id", _OF_GLASS, ("break-glass",)),
        "device": ("id", frozenset({"account"}), ("devices",)),
        "account": ALL,
        "sign_in_name": ALL,
        "grantee": ALL,
    },
    "registry": {
        "shared_batch": ("id", _OF_GLASS, ("shared-batches",)),
        "shared_entry": ("id", PLACED, ("shared-entries",)),
        "event": "batches and entries",
        "subject_request": ALL,
        "appointment": ALL,
        **dict.fromkeys(("area", "organisation", "post", "work_calendar", "area_history"), PLAIN),
    },
    "scoring": {"event": ALL, "applied": ALL, "score": PLAIN, "tally": PLAIN},
}
READABLE = """
SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm')
  AND relnamespace = 'public'::regnamespace AND has_table_privilege(oid, 'SELECT')
"""


def sight_of(service: str, table: str) -> Sight:
    return SIGHTS[service].get(table) or CORE[table]


@pytest.mark.parametrize("service", SIGHTS)
async def test_the_database_has_what_is_in_scope_whatever_is_asked(
    world: World, service: str
) -> None:
    """Each read of the service as each person: all tables are read under the scope that the guard
    gives to such a request, as if every filter had been forgotten."""
    running = world.town.running[service]
    if running is None:
        pytest.skip("what services elsewhere tell their databases is not ours to look into")
    reads = [route for name, route in ROUTES if name == service and verb_of(route) == "GET"]
    url, ids = world.town.settings.url(service, "reader"), [one.id for one in world.things.values()]
    reader = await asyncpg.connect(url)
    tables = {row["relname"] for row in await reader.fetch(READABLE)}
    assert tables == SIGHTS[service].keys() | (CORE.keys() & tables), "a table is not told of here"
    query = " UNION ALL ".join(
        f"SELECT '{table}', {_found(sight_of(service, table))}, count(*) FROM {table}"
        f" WHERE $1::text[] IS NOT NULL"
        for table in sorted(tables)
    )
    rows = {row[0]: row[2] for row in await _seen(reader, Scope(everything=True), query, ids)}
    held = {table for table in tables if _is_held(service, table)}
    assert {table for table in held if not rows[table]} <= EMPTY, "there is nothing to be seen"
    seen: dict[str, list[Any]] = {}
    try:
        for who, route in product(world.people, reads):
            if (scope := _scope(running, world, who, route)) is None:
                continue
            setting = scope.setting
            if setting not in seen:
                seen[setting] = await _seen(reader, scope, query, ids)
                left = await reader.fetch(query, ids)
                assert not [row for row in left if row[2] and _is_held(service, row[0])]
            rights = may(service, route.name)
            for table, found, count in seen[setting]:
                wanted, some = _wanted(world, service, table, rights, who)
                if wanted is not None:
                    kept = set(found or ()) & _ids_of(world, service, table)
                    assert kept == wanted, f"{who}, {route.name}: {table}"
                if some is not None:
                    assert bool(count) == (some and bool(rows[table])), f"{who}: {table}"
                COUNTED["sql", service] += 1
    finally:
        await reader.close()
    assert len(seen) > 2 or service == "scoring"


EMPTY = {
    *("dead_letter", "erasure", "intake_item", "reading_limit", "city_account", "city_grant"),
    *("timer", "request", "neighbour_lead"),
}
"""Tables that may have no row at all when these tests run."""


def _found(sight: Sight) -> str:
    """Which of the ids $1 it has, by the column of such an id."""
    column = (
        sight[0]
        if isinstance(sight, tuple)
        else {"batches and entries": "stream_id", "whom it is near": "id"}.get(sight)
    )
    if column is None:
        return "NULL::text[]"
    return f"array_agg(DISTINCT {column}::text) FILTER (WHERE {column}::text = ANY ($1::text[]))"


async def _seen(reader: Any, scope: Scope, query: str, ids: Sequence[str]) -> list[Any]:
    async with reader.transaction():
        await reader.execute(SET_SCOPE, scope.setting)
        return [tuple(row) for row in await reader.fetch(query, ids)]


def _is_held(service: str, table: str) -> bool:
    """Whether its rows are not everybody's."""
    return sight_of(service, table) != PLAIN


def _ids_of(world: World, service: str, table: str) -> set[str]:
    """Of the things that it is told of here: a journal has more, for who sees everything."""
    sight = sight_of(service, table)
    names = {
        "batches and entries": ("shared-batches", "shared-entries"),
        "whom it is near": _OF_LEADS,
    }
    told = sight[2] if isinstance(sight, tuple) else names[sight]
    return {world.things[name].id for name in told}


def _wanted(
    world: World, service: str, table: str, rights: Mapping[str, set[str]], who: Somebody
) -> tuple[set[str] | None, bool | None]:
    """Which things it has rows of for them, where it is known by which; whether it has any."""
    match sight_of(service, table):
        case (_, kinds, names):
            things = [world.things[name] for name in names]
            return {one.id for one in things if holds(rights, who, one, kinds)}, None
        case "batches and entries":
            batch, entry = (world.things[name] for name in ("shared-batches", "shared-entries"))
            pairs = ((batch, _OF_GLASS), (entry, PLACED))
            found = {one.id for one, kinds in pairs if holds(rights, who, one, kinds)}
            return found, None
        case "whom it is near":
            near = world.things["leads near a border"]
            return ({near.id} if is_near(rights, who, near) else set()), None
        case "what sees everything":
            return None, sees_all(rights, who)
        case _:
            return None, True


def _scope(running: Running, world: World, who: Somebody, route: APIRoute) -> Scope | None:
    """Of such a request, as the service itself finds it; None where it is refused."""
    if not who.is_known:
        return None
    told = {"authorization": world._pass_of(who).header, "civicgrid-case": str(uuid7())}
    purposes = rule_of(running.service.name, route.name).get("purposes", ("share",))
    told |= {"civicgrid-purpose": min(purposes)} | (
        {"civicgrid-grant": who.grant} if who.grant else {}
    )
    headers = [(name.encode(), value.encode()) for name, value in told.items()]
    request = Request({"type": "http", "route": route, "headers": headers, "method": "GET"})
    try:
        return running._guard(request, running.writer.context()).scope
    except Refused:
        return None


def test_each_action_of_the_rights_file_has_its_route_and_each_route_its_rights() -> None:
    routed: dict[str, set[str]] = {}
    for service, route in ROUTES:
        routed.setdefault(service, set()).add(route.name)
    assert routed == matrix.actions()


def test_each_relation_of_the_rights_file_is_worked_out_here() -> None:
    known = {"anywhere", "within", "own", "unit", "self", "granted", "neighbour"}
    assert matrix.relations() <= known


def test_each_thing_in_a_path_and_each_list_is_told_of_here() -> None:
    kinds = {route.path.split("/")[1] for _, route in ROUTES if "{id}" in route.path}
    assert kinds == THINGS_IN_PATHS | PLAIN_IDS
    ids = {one for _, route in ROUTES for one in route.path.split("/") if one.startswith("{")}
    assert {one.strip("{}") for one in ids} == CODES.keys()
    lists = {route.name for _, route in ROUTES if "after" in _asked(route)} | {"list_schemes"}
    assert lists - {"list_receipts"} == LISTS.keys() | OPEN_LISTS, "list_receipts is of one alert"


def _asked(route: APIRoute) -> set[str]:
    return {one.alias for one in route.dependant.query_params}


def test_each_role_and_relation_is_there() -> None:
    people = list(cast())
    roles = {seat.role for one in people for seat in one.seats}
    assert roles == set(matrix.ROLES)
    told = {one.relation for one in people}
    assert told >= PLACES.keys() | {"past post", "future post", "delegated", "office of elsewhere"}
    assert {f"break-glass: {what}" for what in ("leads", "alerts", "mediation-cases")} <= told


async def test_no_post_is_where_its_role_has_none(town: Town) -> None:
    """So that no cell of the matrix is left out: there is nobody in it."""
    refused = 0
    for role, area in product(matrix.LEVELS, PLACES.values()):
        if len(area) != len(matrix.LEVELS[role]):
            post = {"code": f"nowhere-{uuid4().hex[:8]}", "role": role, "area": area}
            answer = await town.post("/posts", post)
            assert answer.status_code == 422, f"{role} of {area}"
            refused += 1
    assert refused > 40


def test_nothing_is_left_out() -> None:
    """By what was run, and the number of cells."""
    routes = {one for one in COUNTED if one[0] != "sql"}
    if len(routes) < len(ROUTES):
        pytest.skip("some tests of this module were not asked for")
    http = sum(COUNTED[one] for one in routes)
    assert http >= 16_000, http
    looks = {one: count for one, count in COUNTED.items() if one not in routes}
    assert {service for _, service in looks} == SIGHTS.keys() and sum(looks.values()) >= 16_000
    print(f"cells: {http} over HTTP, {sum(looks.values())} in SQL")
