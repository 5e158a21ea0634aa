"""What a station knows of a lead, and what it says when it took it. Peers decide by `taken` too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.contracts.leads import Kind, LeadCaptured, Urgency
from libs.common.messages import Decider, Event

ANSWERED_WITHIN = {
    "normal": timedelta(days=5),
    "urgent": timedelta(hours=4),
    "critical": timedelta(hours=1),
}


class LeadTaken(Event):
    type: ClassVar[str] = "lead.taken.v1"
    lead_id: UUID
    community: str | None
    cell: str | None
    lead_type: str
    kind: Kind
    urgency: Urgency
    station: str
    at: datetime
    answer_by: datetime

    @property
    def key(self) -> str | None:
        return self.community


@dataclass(frozen=True, slots=True)
class TakenLead:
    id: UUID
    community: str | None = None
    lead_type: str = ""
    station: str = ""
    at: datetime | None = None
    answer_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class Take:
    lead: LeadCaptured


def taken(lead: LeadCaptured) -> LeadTaken:
    return LeadTaken(
        lead_id=lead.lead_id,
        community=lead.community,
        cell=lead.cell,
        lead_type=lead.lead_type,
        kind=lead.kind,
        urgency=lead.urgency,
        station=f"station-{lead.community}",
        at=lead.at,
        answer_by=lead.at + ANSWERED_WITHIN[lead.urgency],
    )


def decide(state: TakenLead, command: Take) -> Sequence[LeadTaken]:
    return [] if state.station else [taken(command.lead)]


def evolve(state: TakenLead, event: LeadTaken) -> TakenLead:
    told = (event.community, event.lead_type, event.station, event.at, event.answer_by)
    return TakenLead(state.id, *told)


TAKEN_LEAD: Decider[TakenLead, Take, LeadTaken] = Decider(
    "taken_lead", TakenLead, decide, evolve, TypeAdapter(TakenLead), (LeadTaken,)
)
