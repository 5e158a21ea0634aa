"""A supervision card: a unit let a limit pass (row L6). One of each kind for a limit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.callers import Belongings
from libs.common.contracts.leads import Card, SupervisionIssued
from libs.common.messages import Decider

CARDS: tuple[tuple[Card, float], ...] = (("normal", 1.0), ("yellow", 1.5), ("red", 2.0))
"""Which card falls due at which share of the limit."""


@dataclass(frozen=True, slots=True)
class Supervision:
    id: UUID
    card: Card | None = None
    unit: str | None = None
    lead_id: UUID | None = None
    issued_at: datetime | None = None
    community: str | None = None
    cell: str | None = None


@dataclass(frozen=True, slots=True)
class Issue:
    """`at`: when the card fell due, whenever that is noticed."""

    at: datetime
    lead_id: UUID
    community: str | None
    cell: str | None
    unit: str
    card: Card


def decide(card: Supervision, command: Issue) -> list[SupervisionIssued]:
    if card.card:
        return []
    fields = {name: getattr(command, name) for name in Issue.__slots__}
    return [SupervisionIssued(supervision_id=card.id, stage="sign", **fields)]


def evolve(card: Supervision, event: SupervisionIssued) -> Supervision:
    return replace(
        card,
        card=event.card,
        unit=event.unit,
        lead_id=event.lead_id,
        issued_at=event.at,
        community=event.community,
        cell=event.cell,
    )


def _belongs(card: Supervision) -> Belongings:
    return {"community": (card.community,), "cell": (card.cell,), "unit": (card.unit,)}


def falls_due(begun: datetime, limit: datetime, share: float) -> datetime:
    """When that share of the time between both has passed."""
    return begun + timedelta(seconds=(limit - begun).total_seconds() * share)


SUPERVISION: Decider[Supervision, Issue, SupervisionIssued] = Decider(
    name="supervision",
    blank=Supervision,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(Supervision),
    events=(SupervisionIssued,),
    shape=2,
    belongs=_belongs,
)
