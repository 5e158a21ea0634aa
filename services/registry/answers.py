"""What every route of the registry shares: a plan of one instruction, and what is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

from pydantic import BaseModel

from libs.city import City
from libs.common.contracts.registry import CellKind, Level, OrganisationKind, Role
from libs.common.http import OR_ABSENT, Desk, Item, shown
from libs.common.messages import Effect, Envelope, Instruction
from services.registry.domain import shared_batch, shared_entry, subject_request
from services.registry.policies import Now

Plan = Callable[[Now], Iterable[Effect]]
Answer = Callable[[Sequence[Envelope]], Mapping[str, Any]]
Registry: TypeAlias = Desk[City]


class Answered(BaseModel):
    """`changed`: whether anything became different."""

    id: UUID
    code: str | None
    changed: bool
    version: int = OR_ABSENT


class Named(BaseModel):
    code: str
    name: str
    level: Level


class _Area(Named):
    version: int
    parent: str | None
    kind: CellKind
    community: str | None
    valid_from: datetime
    households: int | None


class AreaListed(_Area):
    has_polygon: bool


class AreaShown(_Area):
    """`polygon`: GeoJSON."""

    valid_to: datetime | None
    polygon: dict[str, Any] | None


class Located(BaseModel):
    """`chain`: from the city to the cell; `candidates`: the cells that hold the point."""

    code: Literal["outside", "found"]
    chain: list[Named]
    candidates: list[str]


class Uncovered(BaseModel):
    code: str
    level: Level


class OrganisationShown(BaseModel):
    code: str
    version: int
    name: str
    kind: OrganisationKind
    area: str
    community: str | None


class PostShown(BaseModel):
    """With who holds it now."""

    code: str
    version: int
    role: Role
    area: str
    organisation: str | None
    community: str | None
    person_ref: UUID | None
    appointment_id: UUID | None
    held_since: datetime | None


class Category(BaseModel):
    """What a batch is of, and what for."""

    id: UUID
    category: str
    purpose: str
    version: int


SubjectRequest = shown("SubjectRequest", subject_request.SubjectRequest)
INSIDE = frozenset({"entries", "content", "thumbprint"})
"""Of a batch what its papers do not show."""
Papers = shown(
    "Papers",
    shared_batch.SharedBatch,
    hidden=INSIDE,
    status=shared_batch.BatchStatus,
    count=int,
)


class OwnPapers(Papers):  # type: ignore[valid-type,misc]
    """`entries`: for who issued it."""

    entries: list[UUID] = OR_ABSENT


class EntryListed(BaseModel):
    id: UUID
    status: shared_entry.EntryStatus
    community: str
    expires_at: datetime
    delete_at: datetime | None
    was_retained: bool
    version: int


EntryShown = shown("EntryShown", shared_entry.SharedEntry, status=shared_entry.EntryStatus)


class EntryOpened(EntryShown):  # type: ignore[valid-type,misc]
    """With what it says."""

    category: str
    purpose: str
    cell: str | None = OR_ABSENT
    name: str | None = OR_ABSENT
    identity: str | None = OR_ABSENT
    address: str | None = OR_ABSENT
    born: str | None = OR_ABSENT
    guardian: str | None = OR_ABSENT
    statement: Any = OR_ABSENT


def one(instruct: Callable[[Now], Instruction]) -> Plan:
    return lambda now: (instruct(now),)


def item(plan: Plan, body: Any, id: UUID, code: str | None = None) -> Item:
    return Item(plan=plan, body=body, id=None, answer=answer_of(id, code or body.code))


def answer_of(id: UUID, code: str | None) -> Answer:
    """`changed`: whether anything became different; without it a repeated load looks like a new."""

    def answer(made: Sequence[Envelope]) -> Mapping[str, Any]:
        versions = [one.version for one in made if one.subject == id]
        version = {"version": versions[-1]} if versions else {}
        return {"id": str(id), "code": code, "changed": bool(made), **version}

    return answer
