"""Which alerts an event raises or clears, whom they reach, and when they climb."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from libs.city import City
from libs.common.contracts.alerts import AlertAcknowledged, AlertRaised, AlertReturnedToNormal
from libs.common.contracts.leads import (
    LeadCaptured,
    LeadClosed,
    LeadDismissed,
    LeadRouted,
    LeadUnrouted,
    SupervisionIssued,
)
from libs.common.contracts.mediation import CaseClosed, CaseFellOverdue
from libs.common.contracts.portal import (
    BreakGlassApprovalFellOverdue,
    BreakGlassGranted,
    BreakGlassReviewed,
    BreakGlassReviewFellOverdue,
)
from libs.common.contracts.privacy import ReadingLimitReached
from libs.common.contracts.registry import (
    Level,
    SubjectRequestConfirmed,
    SubjectRequestFellOverdue,
)
from libs.common.ids import derived
from libs.common.messages import CancelTimer, Context, Due, Effect, Policies, SetTimer, Timers
from services.alerts.domain import ALERT
from services.alerts.domain.alert import Clear, Escalate, Raise
from services.alerts.domain.rule import LEVELS, Rule
from services.alerts.rules import RULES

ESCALATION = "escalation"
OLD_NEWS = timedelta(hours=24)
"""What is older when it arrives is told to nobody (row A25)."""

Now = Context[City]
_RULES: Mapping[str, Rule] = {rule.id: rule for rule in RULES.rules}


def alert_id(about: UUID, rule: str) -> UUID:
    """A rule hits a lead, a card, a case, a grant or a request once. `about`: that, or an event
    that comes again and again."""
    return derived(about, f"alert/{rule}")


def on_event(event: Any, context: Now) -> Iterable[Effect]:
    assert context.envelope
    about = _about(event)
    hit = context.envelope.id if isinstance(event, ReadingLimitReached) else about
    for rule in RULES.rules:
        if rule.cleared_after(event):
            yield ALERT.to(alert_id(hit, rule.id), Clear(event.at, context.envelope.version))
        if rule.raised_by(event):
            yield ALERT.to(alert_id(hit, rule.id), _raise(event, about, rule, context))


def _about(event: Any) -> UUID:
    match event:
        case SupervisionIssued():
            return event.supervision_id
        case CaseFellOverdue() | CaseClosed():
            return event.case_id
        case BreakGlassGranted() | BreakGlassReviewed():
            return event.grant_id
        case BreakGlassApprovalFellOverdue() | BreakGlassReviewFellOverdue():
            return event.grant_id
        case ReadingLimitReached():
            return event.limit_id
        case SubjectRequestFellOverdue() | SubjectRequestConfirmed():
            return event.subject_ref
    id: UUID = event.lead_id
    return id


def _raise(event: Any, about: UUID, rule: Rule, context: Now) -> Raise:
    assert context.envelope
    late = getattr(event, "imported", False) or context.now - context.envelope.time > OLD_NEWS
    community, cell = getattr(event, "community", None), getattr(event, "cell", None)
    told = () if late else _told(rule, cell, context.facts)
    place = (community, cell)
    at = min(event.at, context.now)  # a clock that is ahead (row A25)
    version = context.envelope.version
    return Raise(at, about, *place, rule.id, RULES.version, rule.severity, told, version, late)


def _told(rule: Rule, cell: str | None, city: City) -> tuple[UUID, ...]:
    if not rule.roles:
        return recipients(city, cell, rule.told)
    holders = city.holders_in(city.root.code) if city.root else ()
    return tuple(dict.fromkeys(one.person_ref for one in holders if one.role in rule.roles))


def recipients(city: City, cell: str | None, levels: Iterable[Level]) -> tuple[UUID, ...]:
    """Who answers for the cell and the areas above it, of these levels, each person once (row A1).

    Without a cell: for the city. Wait while an area is unknown.
    """
    wanted = set(levels)
    where = cell or (city.root.code if city.root else None)
    chain = city.chain(where) if where else ()
    areas = (code for code in chain if city.require(code).level in wanted)
    persons = (one.person_ref for code in areas for one in city.responsible(code))
    return tuple(dict.fromkeys(persons))


def on_alert_raised(event: AlertRaised, context: Now) -> Iterable[Effect]:
    if not event.late and _RULES[event.rule].escalate_after:
        data = {"rule": event.rule, "cell": event.cell, "raised": context.now.isoformat()}
        yield _escalation(event.alert_id, data | {"step": 1})


def _escalation(id: UUID, data: Mapping[str, Any]) -> SetTimer:
    hours = _RULES[data["rule"]].escalate_after[data["step"] - 1]
    begun = datetime.fromisoformat(data["raised"])
    return SetTimer(ESCALATION, id, begun + timedelta(hours=hours), data)


def nobody_acknowledged(due: Due, context: Now) -> Iterable[Effect]:
    """The next level up is told, once; where nobody is there, the one above it (row A12)."""
    rule, step = _RULES[due.data["rule"]], due.data["step"]
    level = rule.next_level(step)
    if level is None:
        return
    levels = LEVELS[LEVELS.index(level) :]
    found = (recipients(context.facts, due.data["cell"], (one,)) for one in levels)
    told = next((persons for persons in found if persons), ())
    yield ALERT.to(due.id, Escalate(due.due_at, step, told))
    if step < len(rule.escalate_after):
        yield _escalation(due.id, {**due.data, "step": step + 1})


def on_alert_settled(
    event: AlertAcknowledged | AlertReturnedToNormal, context: Now
) -> Iterable[Effect]:
    """Nothing is told any more (row A13)."""
    yield CancelTimer(ESCALATION, event.alert_id)


POLICIES: Policies = {
    LeadCaptured: on_event,
    LeadRouted: on_event,
    LeadUnrouted: on_event,
    LeadClosed: on_event,
    LeadDismissed: on_event,
    SupervisionIssued: on_event,
    CaseFellOverdue: on_event,
    CaseClosed: on_event,
    BreakGlassGranted: on_event,
    BreakGlassReviewed: on_event,
    BreakGlassApprovalFellOverdue: on_event,
    BreakGlassReviewFellOverdue: on_event,
    ReadingLimitReached: on_event,
    SubjectRequestFellOverdue: on_event,
    SubjectRequestConfirmed: on_event,
    AlertRaised: on_alert_raised,
    AlertAcknowledged: on_alert_settled,
    AlertReturnedToNormal: on_alert_settled,
}
TIMERS: Timers = {ESCALATION: nobody_acknowledged}

_unknown = {type for rule in RULES.rules for type in (rule.event, *rule.cleared_by)} - {
    event.type for event in POLICIES
}
if _unknown:
    raise ValueError(f"rules name events that are not read: {sorted(_unknown)}")
