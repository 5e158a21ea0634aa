"""An item of an outside source, and the one receipt that it gets (rows X6, X7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.contracts.leads import IntakeAccepted, IntakeRejected
from libs.common.messages import Decider

Receipts = IntakeAccepted | IntakeRejected


@dataclass(frozen=True, slots=True)
class IntakeItem:
    id: UUID
    outcome: Literal["accepted", "rejected"] | None = None


@dataclass(frozen=True, slots=True)
class AcceptItem:
    source: str
    source_number: str
    lead_id: UUID


@dataclass(frozen=True, slots=True)
class RejectItem:
    source: str
    source_number: str | None
    code: str
    path: str


def decide(item: IntakeItem, command: AcceptItem | RejectItem) -> list[Receipts]:
    """The same item again: its first receipt stands."""
    if item.outcome:
        return []
    match command:
        case AcceptItem(source, number, lead_id):
            return [IntakeAccepted(source=source, source_number=number, lead_id=lead_id)]
        case RejectItem(source, number, code, path):
            return [
                IntakeRejected(source=source, source_number=number, codes=(code,), paths=(path,))
            ]
        case _:
            assert_never(command)


def evolve(item: IntakeItem, event: Receipts) -> IntakeItem:
    return IntakeItem(item.id, "accepted" if isinstance(event, IntakeAccepted) else "rejected")


INTAKE_ITEM: Decider[IntakeItem, AcceptItem | RejectItem, Receipts] = Decider(
    name="intake_item",
    blank=IntakeItem,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(IntakeItem),
    events=(IntakeAccepted, IntakeRejected),
)
