"""A lead, from capture to closing. States and transitions: leads.md, section 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.callers import Belongings
from libs.common.contracts.leads import (
    Channel,
    Kind,
    LeadAccepted,
    LeadArbitrated,
    LeadArbitrationRequested,
    LeadCaptured,
    LeadClosed,
    LeadDismissed,
    LeadEvent,
    LeadFedBack,
    LeadFiled,
    LeadReturned,
    LeadReworkOrdered,
    LeadRouted,
    LeadSigned,
    LeadUnrouted,
    LeadVerified,
    Urgency,
)
from libs.common.messages import Decider, Refused, not_found
from services.leads.domain.commands import (
    Accept,
    Arbitrate,
    Capture,
    Close,
    Command,
    Dismiss,
    FeedBack,
    FeedBackFromCase,
    File,
    OrderRework,
    RecordEnding,
    Return,
    ReturnFromCase,
    Route,
    Sign,
    Step,
    Verify,
)
from services.leads.domain.routing import Unrouted
from services.leads.domain.transitions import FROM_CASE, LEGAL, Status


@dataclass(frozen=True, slots=True)
class Lead:
    """`status` is empty while there is no such lead. `bounced`: units that returned it."""

    id: UUID
    status: Status = ""
    community: str | None = None
    cell: str | None = None
    lead_type: str = ""
    kind: Kind = "service"
    urgency: Urgency = "normal"
    channel: Channel = "app"
    source: str = ""
    source_number: str | None = None
    captured_by: UUID | None = None
    received_at: datetime | None = None
    due_at: datetime | None = None
    imported: bool = False
    unit: str | None = None
    police_room: str | None = None
    sign_by: datetime | None = None
    routings: int = 0
    explanation: Mapping[str, Any] | None = None
    bounced: tuple[str, ...] = ()
    outcome: str | None = None
    closed_at: datetime | None = None
    cancelled: bool = False


def decide(lead: Lead, command: Command) -> list[LeadEvent]:
    match command:
        case Capture():
            return [] if _is_repeated(lead, command) else [_captured(lead, command)]
        case FeedBackFromCase(at, outcome):
            moved_on = lead.status not in FROM_CASE
            return [] if moved_on else [LeadFedBack(**_now(lead, at), outcome=outcome)]
        case ReturnFromCase(at, reason, centre):
            is_there = lead.unit == centre and Return in LEGAL[lead.status] and not _is_barred(lead)
            return _returned(lead, _now(lead, at), reason, None) if is_there else []
        case RecordEnding():
            return _ended(lead) if lead.imported and lead.status == "routed" else []
    _check(lead, command)
    return _step(lead, command)


def _step(lead: Lead, command: Step) -> list[LeadEvent]:
    """One legal step; the state takes this command."""
    now = _now(lead, command.at)
    match command:
        case File():
            return [LeadFiled(**now)]
        case Route():
            return [_routed(lead, now, command)]
        case Sign(at):
            return [LeadSigned(**now, on_time=lead.sign_by is None or at <= lead.sign_by)]
        case Accept():
            return [LeadAccepted(**now)]
        case Return(_, reason, proposed):
            return _returned(lead, now, reason, proposed)
        case Arbitrate(_, unit, note, sign_by):
            now |= {"unit": unit}
            return [LeadArbitrated(**now, reason="by_hand", sign_by=sign_by, note=note)]
        case FeedBack(_, outcome):
            return [LeadFedBack(**now, outcome=outcome)]
        case Verify():
            return [LeadVerified(**now)]
        case OrderRework(_, reason):
            return [LeadReworkOrdered(**now, reason=reason)]
        case Close(at):
            return [_closed(lead, at)]
        case Dismiss(_, reason):
            return [LeadDismissed(**now, reason=reason)]
        case _:
            assert_never(command)


def _check(lead: Lead, command: Step) -> None:
    if not lead.status:
        raise not_found()
    legal = LEGAL[lead.status]
    barred = _is_barred(lead)
    if type(command) not in legal or (barred and isinstance(command, Return)):
        names = {name for one, name in legal.items() if not (one is Return and barred)}
        raise Refused("illegal_transition", allowed=tuple(sorted(names)))


def _is_barred(lead: Lead) -> bool:
    """From the second return on (row L3)."""
    return len(lead.bounced) > 1


def _is_repeated(lead: Lead, command: Capture) -> bool:
    """The same lead sent again: by the same account, or with the same number from elsewhere. All
    else is another lead under its id, and what kind of lead has it nobody learns by trying: to
    another account there is nothing under that id (row P17)."""
    if not lead.status:
        return False
    if command.captured_by and command.captured_by != lead.captured_by:
        raise not_found()
    before = (lead.source, lead.source_number, lead.captured_by, lead.lead_type)
    told = (command.source, command.source_number, command.captured_by, command.lead_type)
    is_known_again = command.captured_by or command.source_number
    if before != told or not is_known_again:
        raise Refused("other_lead")
    return True


def _now(lead: Lead, at: datetime) -> dict[str, Any]:
    return {
        "lead_id": lead.id,
        "community": lead.community,
        "cell": lead.cell,
        "lead_type": lead.lead_type,
        "kind": lead.kind,
        "urgency": lead.urgency,
        "unit": lead.unit,
        "at": at,
        "imported": lead.imported,
    }


def _captured(lead: Lead, command: Capture) -> LeadCaptured:
    fields = {name: getattr(command, name) for name in Capture.__slots__}
    near_border = len(command.candidates) > 1
    return LeadCaptured(lead_id=lead.id, near_border=near_border, **fields)


def _routed(lead: Lead, now: dict[str, Any], command: Route) -> LeadRouted | LeadUnrouted:
    to = command.to
    explanation = dict(to.explanation)
    if isinstance(to, Unrouted):
        now |= {"unit": to.queue}
        return LeadUnrouted(**now, reason=to.reason, explanation=explanation)
    return LeadRouted(
        **now | {"unit": to.unit},
        unit_kind=to.unit_kind,
        police_room=to.police_room,
        rule=to.rule,
        rule_set=to.rule_set,
        routing=lead.routings + 1,
        sign_by=None if lead.imported else to.sign_by,
        overridden=command.overridden,
        explanation=explanation,
        note=command.note,
    )


def _returned(
    lead: Lead, now: dict[str, Any], reason: str, proposed: str | None
) -> list[LeadEvent]:
    assert lead.unit
    count = len(lead.bounced) + 1
    returned = LeadReturned(
        **now,
        source=lead.source,
        returning_unit=lead.unit,
        reason=reason,
        proposed_unit=proposed,
        count=count,
    )
    return [returned] if count == 1 else [returned, LeadArbitrationRequested(**now)]


def _ended(lead: Lead) -> list[LeadEvent]:
    assert lead.received_at
    if lead.cancelled:
        at = lead.closed_at or lead.received_at
        return [LeadDismissed(**_now(lead, at), reason="cancelled")]
    return [_closed(lead, lead.closed_at)] if lead.closed_at else []


def _closed(lead: Lead, at: datetime) -> LeadClosed:
    on_time = None if lead.due_at is None else at <= lead.due_at
    return LeadClosed(**_now(lead, at), due_at=lead.due_at, on_time=on_time)


def evolve(lead: Lead, event: LeadEvent) -> Lead:
    match event:
        case LeadCaptured():
            kept = {name: getattr(event, name) for name in _KEPT}
            return replace(lead, status="captured", **kept)
        case LeadFiled():
            return replace(lead, status="filed")
        case LeadRouted():
            return replace(
                lead,
                status="routed",
                unit=event.unit,
                police_room=event.police_room,
                sign_by=event.sign_by,
                routings=event.routing,
                explanation=event.explanation,
            )
        case LeadUnrouted():
            return replace(lead, status="unrouted", unit=event.unit, explanation=event.explanation)
        case LeadSigned():
            return replace(lead, status="signed")
        case LeadAccepted() | LeadReworkOrdered():
            return replace(lead, status="handling")
        case LeadReturned(returning_unit=unit):
            return replace(lead, status="filed", unit=None, bounced=(*lead.bounced, unit))
        case LeadArbitrationRequested():
            return replace(lead, status="arbitration")
        case LeadArbitrated():
            return replace(lead, status="routed", unit=event.unit, sign_by=event.sign_by)
        case LeadFedBack(outcome=outcome):
            return replace(lead, status="fed_back", outcome=outcome)
        case LeadVerified():
            return replace(lead, status="verified")
        case LeadClosed(at=at):
            return replace(lead, status="closed", closed_at=at)
        case LeadDismissed():
            return replace(lead, status="dismissed")
    return lead


_KEPT = (
    *("community", "cell", "lead_type", "kind", "urgency", "channel", "source"),
    *("source_number", "captured_by", "received_at", "due_at", "imported"),
    *("closed_at", "cancelled"),
)


def _belongs(lead: Lead) -> Belongings:
    return {"community": (lead.community,), "cell": (lead.cell,), "unit": (lead.unit,)}


LEAD: Decider[Lead, Command, LeadEvent] = Decider(
    name="lead",
    blank=Lead,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(Lead),
    events=(
        LeadCaptured,
        LeadFiled,
        LeadRouted,
        LeadUnrouted,
        LeadSigned,
        LeadAccepted,
        LeadReturned,
        LeadArbitrationRequested,
        LeadArbitrated,
        LeadFedBack,
        LeadVerified,
        LeadReworkOrdered,
        LeadClosed,
        LeadDismissed,
    ),
    belongs=_belongs,
    shape=2,
)
