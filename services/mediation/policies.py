"""A dispute opens a case at the community's centre; the case has its month."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID
from zoneinfo import ZoneInfo

from libs.city import City
from libs.city.calendar import UNPUBLISHED
from libs.common.contracts.leads import LeadRouted
from libs.common.contracts.mediation import (
    CaseAccepted,
    CaseAgreed,
    CaseEvent,
    CaseFailed,
    CaseWithdrawn,
    Grade,
)
from libs.common.ids import derived
from libs.common.messages import (
    CancelTimer,
    Context,
    Due,
    Effect,
    Instruction,
    Policies,
    Refused,
    SetTimer,
    Timers,
    Wait,
)
from services.mediation.domain import CASE
from services.mediation.domain.commands import Accept, Apply, FallOverdue
from services.mediation.domain.month import due_of

OVERDUE = "overdue"

Now = Context[City]


def case_id(lead_id: UUID, routing: int) -> UUID:
    """One case for each time that a lead is routed to a centre."""
    return derived(lead_id, f"mediation_case/{routing}")


def on_lead_routed(event: LeadRouted, context: Now) -> Iterable[Effect]:
    """History that was taken over opens no case."""
    if event.unit_kind != "mediation_centre" or event.imported:
        return
    assert event.unit
    if context.facts.organisation(event.unit) is None:
        raise Wait(f"centre {event.unit} is not known yet")
    id = case_id(event.lead_id, event.routing)
    yield _apply(context, id, event.unit, event.community, event.cell, event.lead_id)


def apply(context: Now, id: UUID, cell: str) -> Instruction:
    """Somebody walks in: the case is the centre's of that cell (row M12)."""
    city = context.facts
    if city.area(cell) is None:
        raise Refused("unknown_area", status=422, path="/cell")
    centre = city.nearest("mediation_centre", cell)
    if centre is None:
        raise Refused("no_centre", status=422, path="/cell", area=cell)
    return _apply(context, id, centre.code, city.community_of(cell), cell, None)


def _apply(
    context: Now,
    id: UUID,
    centre: str,
    community: str | None,
    cell: str | None,
    lead_id: UUID | None,
) -> Instruction:
    officers = context.facts.responsible(community) if community else ()
    director = officers[0].person_ref if officers else None
    number = f"{centre}-{context.now:%Y%m%d}-{id.hex[-8:]}"
    return CASE.to(id, Apply(context.now, centre, community, cell, lead_id, number, director))


def accept(context: Now, id: UUID, grade: Grade, expected: int | None) -> Instruction:
    due = due_of(context.now, _zone(context))
    return CASE.to(id, Accept(context.now, grade, due), expected=expected)


def _zone(context: Now) -> ZoneInfo:
    calendar = context.facts.calendar(context.now.year) or UNPUBLISHED
    return ZoneInfo(calendar.zone)


def on_case_accepted(event: CaseAccepted, context: Now) -> Iterable[Effect]:
    yield SetTimer(OVERDUE, event.case_id, event.due_at)


def on_case_settled(event: CaseEvent, context: Now) -> Iterable[Effect]:
    yield CancelTimer(OVERDUE, event.case_id)


def month_is_over(due: Due, context: Now) -> Iterable[Effect]:
    yield CASE.to(due.id, FallOverdue(due.due_at))


POLICIES: Policies = {
    LeadRouted: on_lead_routed,
    CaseAccepted: on_case_accepted,
    CaseAgreed: on_case_settled,
    CaseFailed: on_case_settled,
    CaseWithdrawn: on_case_settled,
}
TIMERS: Timers = {OVERDUE: month_is_over}
