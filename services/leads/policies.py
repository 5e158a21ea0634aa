"""What follows from what happens to a lead, and where a lead that comes in belongs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from libs.city import City, Organisation, calendar
from libs.common import wire
from libs.common.contracts.leads import (
    Channel,
    IncidentReported,
    LeadArbitrated,
    LeadCaptured,
    LeadClosed,
    LeadDismissed,
    LeadEvent,
    LeadFedBack,
    LeadReturned,
    LeadRouted,
    LeadSigned,
    Urgency,
)
from libs.common.contracts.mediation import CaseClosed, CaseDeclined
from libs.common.contracts.values import Number
from libs.common.ids import derived, named
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
from libs.common.work import INTAKE, Dead, Letter
from libs.privacy.register import registered
from services.leads.domain import INTAKE_ITEM, LEAD, RULE_BOOK, SUPERVISION, routing
from services.leads.domain.commands import (
    Arbitrate,
    Capture,
    FeedBackFromCase,
    File,
    RecordEnding,
    Return,
    ReturnFromCase,
    Route,
)
from services.leads.domain.intake import AcceptItem, RejectItem
from services.leads.domain.place import Point, find
from services.leads.domain.routing import Inputs, Limit, Routing, Rule, Unrouted
from services.leads.domain.rule_set import PublishRules
from services.leads.domain.supervision import CARDS, Issue, falls_due
from services.leads.facts import Facts
from services.leads.rules import LEAD_TYPES

SIGN_OFF = "sign_off"
OURS = ("handler", "storage")
"""Stages at which a record dies by a fault of ours: which one is nobody else's business."""
BY_HAND = Limit(amount=1, unit="working_day")
"""Within what a unit must sign that a person chose."""
CLOCK_SKEW = timedelta(minutes=5)

Now = Context[Facts]


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody reports. `captured_at`: by their clock; `due_at`: as they set it themselves."""

    lead_type: str
    channel: Channel
    source: str
    source_number: str | None = None
    captured_by: UUID | None = None
    urgency: Urgency | None = None
    cell: str | None = None
    point: Point | None = None
    accuracy_m: float = 0
    area_hint: str | None = None
    captured_at: datetime | None = None
    due_at: datetime | None = None
    imported: bool = False
    closed_at: datetime | None = None
    cancelled: bool = False
    text: str | None = None
    reporter: dict[str, Any] | None = None
    """`name` and `phone`; or that they are `under_14`, and their `guardian`."""


def lead_id(source: str, number: str) -> UUID:
    """The id of a lead that has a number elsewhere: the same number is the same lead (row L29)."""
    return named(f"lead/{source}/{number}")


def capture(context: Now, id: UUID, told: Told) -> Instruction:
    """Refused for an unknown type or cell, and for a child without a guardian; a lead without a
    place is taken (rows L1, L15, P19). What an outside source sent may have come before the cell,
    which the registry tells of."""
    kind = LEAD_TYPES.get(told.lead_type)
    if kind is None:
        known = ", ".join(LEAD_TYPES)
        raise Refused("unknown_lead_type", status=422, path="/lead_type", known=known)
    city = context.facts.city
    if not city.is_known:
        raise Wait("no area is known yet")
    place = find(city, told.cell, told.point, told.accuracy_m, told.area_hint)
    if place is None:
        refusal = Refused("unknown_area", status=422, path="/cell")
        raise Wait(f"area {told.cell} is not known yet", then=refusal)
    captured = told.captured_at or context.now
    if told.imported and captured > context.now + CLOCK_SKEW:
        raise Refused("in_the_future", status=422, path="/received_at")
    received = captured if told.imported else context.now
    limit = None if told.imported else kind.limit.after(received, city.calendar)
    command = Capture(
        at=captured,
        lead_type=told.lead_type,
        kind=kind.kind,
        urgency=told.urgency or kind.urgency,
        channel=told.channel,
        source=told.source,
        received_at=received,
        community=place.community,
        cell=place.cell,
        source_number=told.source_number,
        captured_by=told.captured_by,
        clock_skew=abs(captured - received) > CLOCK_SKEW,
        candidates=place.candidates,
        area_hint=told.area_hint if told.area_hint and city.area(told.area_hint) else None,
        due_at=told.due_at or limit,
        imported=told.imported,
        closed_at=told.closed_at,
        cancelled=told.cancelled,
        text=told.text,
        reporter=_kept(told.reporter),
        point=told.point,
    )
    return LEAD.to(id, command)


def _kept(reporter: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Of a child nothing but who answers for them: not that they are one."""
    if reporter is None:
        return None
    if not reporter.get("under_14"):
        return {name: told for name, told in reporter.items() if name != "under_14"}
    if "guardian" not in reporter:
        raise Refused("guardian_required", path="/reporter/guardian")
    for name in ("name", "phone"):
        if name in reporter:
            raise Refused("not_of_a_child", status=422, path=f"/reporter/{name}")
    return {"guardian": reporter["guardian"]}


def override(
    context: Now, id: UUID, cell: str | None, unit: str, reason: str, expected: int | None
) -> Instruction:
    """A person routes; the unit must serve the cell of the lead or an area above it (row L2)."""
    to = _chosen(context, cell, unit)
    command = Route(context.now, to, overridden=True, note=reason)
    return LEAD.to(id, command, expected=expected)


def arbitrate(
    context: Now, id: UUID, cell: str | None, unit: str, reason: str, expected: int | None
) -> Instruction:
    to = _chosen(context, cell, unit)
    command = Arbitrate(context.now, to.unit, reason, to.sign_by)
    return LEAD.to(id, command, expected=expected)


def publish_rules(
    context: Now,
    id: UUID,
    rules: Sequence[Rule],
    valid_from: datetime | None,
    assessment: str | None,
    expected: int | None,
) -> Instruction:
    """Refused without an assessment that holds (row P15), and for a type or an area that there is
    not: such a rule would never match (row L14)."""
    day = calendar.day_of(context.now, context.facts.city.calendar)
    if assessment is None or not registered().is_approved(assessment, day):
        raise Refused("assessment_required", status=422, path="/assessment")
    for n, rule in enumerate(rules):
        types = set(rule.when.lead_type or ()) - LEAD_TYPES.keys()
        areas = {code for code in rule.when.area or () if not context.facts.city.area(code)}
        for name, unknown in (("lead_type", types), ("area", areas)):
            if unknown:
                path = f"/rules/{n}/when/{name}"
                raise Refused("never_matches", status=422, path=path)
    command = PublishRules(valid_from or context.now, rules, assessment)
    return RULE_BOOK.to(id, command, expected=expected)


def give_back(
    context: Now, id: UUID, reason: str, proposed: str | None, expected: int | None
) -> Instruction:
    """Not ours (row L3); `proposed`: the unit that should have it, None where nobody knows."""
    if proposed is not None:
        _office(context.facts.city, proposed, "/proposed_unit")
    return LEAD.to(id, Return(context.now, reason, proposed), expected=expected)


def _office(city: City, unit: str, path: str) -> Organisation:
    office = city.organisation(unit)
    if office is None or office.closed:
        raise Refused("unknown_unit", status=422, path=path)
    return office


def _chosen(context: Now, cell: str | None, unit: str) -> Routing:
    city = context.facts.city
    office = _office(city, unit, "/unit")
    if cell is not None and not city.contains(office.area, cell):
        raise Refused("unit_elsewhere", status=422, path="/unit", unit=unit)
    room = city.nearest("police_room", cell or office.area)
    sign_by = BY_HAND.after(context.now, city.calendar)
    return Routing(unit, office.kind, room.code if room else None, "by_hand", 0, sign_by)


def on_lead_captured(event: LeadCaptured, context: Now) -> Iterable[Effect]:
    at = event.at if event.imported else context.now
    yield LEAD.to(event.lead_id, File(at))
    found = _routing(event, event.source, context)
    if isinstance(found, Unrouted) and event.point is not None and event.cell is None:
        centre = context.facts.city.command_centre
        found = Unrouted(centre.code if centre else None, "outside", found.explanation)
    yield LEAD.to(event.lead_id, Route(at, found))


def on_lead_returned(event: LeadReturned, context: Now) -> Iterable[Effect]:
    """The first return is routed anew, past the unit that returned it; the second is arbitrated."""
    yield CancelTimer(SIGN_OFF, event.lead_id)
    if event.count == 1:
        found = _routing(event, event.source, context, (event.returning_unit,))
        yield LEAD.to(event.lead_id, Route(event.at, found))


def on_lead_placed(event: LeadRouted | LeadArbitrated, context: Now) -> Iterable[Effect]:
    """Its unit must sign; each card of supervision falls due at its share of that limit. A history
    from elsewhere is over once it is known whose it was."""
    if event.imported:
        yield LEAD.to(event.lead_id, RecordEnding())
    if event.sign_by is None:
        return
    data = {
        "begun": event.at.isoformat(),
        "limit": event.sign_by.isoformat(),
        "community": event.community,
        "cell": event.cell,
        "unit": event.unit,
        "card": 0,
    }
    yield SetTimer(SIGN_OFF, event.lead_id, event.sign_by, data)


def on_lead_settled(event: LeadEvent, context: Now) -> Iterable[Effect]:
    yield CancelTimer(SIGN_OFF, event.lead_id)


def sign_off_ran_out(due: Due, context: Now) -> Iterable[Effect]:
    data = due.data
    card, _ = CARDS[data["card"]]
    where = (data["community"], data["cell"], data["unit"])
    id = derived(due.id, f"sign/{data['begun']}/{card}")
    yield SUPERVISION.to(id, Issue(due.due_at, due.id, *where, card))
    if data["card"] + 1 < len(CARDS):
        _, share = CARDS[data["card"] + 1]
        begun, limit = (datetime.fromisoformat(data[name]) for name in ("begun", "limit"))
        next = {**data, "card": data["card"] + 1}
        yield SetTimer(SIGN_OFF, due.id, falls_due(begun, limit, share), next)


def on_case_closed(event: CaseClosed, context: Now) -> Iterable[Effect]:
    """The lead is fed back with the outcome code, and nothing else (row L31)."""
    if event.lead_id:
        yield LEAD.to(event.lead_id, FeedBackFromCase(event.at, event.outcome))


def on_case_declined(event: CaseDeclined, context: Now) -> Iterable[Effect]:
    if event.lead_id:
        yield LEAD.to(event.lead_id, ReturnFromCase(event.at, event.reason, event.centre))


def on_incident_reported(event: IncidentReported, context: Now) -> Iterable[Effect]:
    """A lead of an outside source, and its receipt."""
    assert context.envelope
    source = context.envelope.source.rpartition("/")[2]
    point = None
    if event.longitude is not None and event.latitude is not None:
        point = (event.longitude, event.latitude)
    told = Told(
        event.lead_type,
        "intake",
        source,
        event.source_number,
        urgency=event.urgency,
        cell=event.cell,
        point=point,
        accuracy_m=event.accuracy_m,
        captured_at=event.reported_at,
        text=event.sealed_content,
    )
    id = lead_id(source, event.source_number)
    yield capture(context, id, told)
    yield INTAKE_ITEM.to(context.envelope.id, AcceptItem(source, event.source_number, id))


def on_intake_buried(letter: Letter, dead: Dead) -> Iterable[Effect]:
    """Whatever cannot be taken is answered too: with what was wrong, and where. It is known by all
    that it holds: its place in a topic is another's once the topic was made anew."""
    source = letter.topic.removeprefix(INTAKE)
    number = _told_number(letter.key) if letter.key else None
    path, _, code = dead.reason.rpartition(": ")
    if dead.stage in OURS:
        path, code = "", dead.stage
    yield INTAKE_ITEM.to(wire.digest(letter), RejectItem(source, number, code, path))


def _told_number(key: bytes) -> str | None:
    """The number that a source gave its item, if it can be one."""
    try:
        return TypeAdapter(Number).validate_python(key.decode())
    except ValueError:
        return None


def _routing(
    event: LeadEvent, source: str, context: Now, refused: tuple[str, ...] = ()
) -> Routing | Unrouted:
    chain = context.facts.city.chain(event.cell) if event.cell else ()
    inputs = Inputs(event.lead_type, event.kind, event.urgency, source, chain)
    at = event.at if event.imported else context.now
    return routing.route(context.facts.rules(context.now), inputs, context.facts.city, at, refused)


POLICIES: Policies = {
    LeadCaptured: on_lead_captured,
    LeadReturned: on_lead_returned,
    LeadRouted: on_lead_placed,
    LeadArbitrated: on_lead_placed,
    LeadSigned: on_lead_settled,
    LeadFedBack: on_lead_settled,
    LeadClosed: on_lead_settled,
    LeadDismissed: on_lead_settled,
    CaseClosed: on_case_closed,
    CaseDeclined: on_case_declined,
    IncidentReported: on_incident_reported,
}
TIMERS: Timers = {SIGN_OFF: sign_off_ran_out}
