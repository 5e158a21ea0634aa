"""What a time limit brings about, once it is over: no sooner, and not much later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from tests.faults.checker.seen import SERVICES, Row, Seen, moment, parsed
from tests.faults.checker.stored import Violation

CLIMBS: Mapping[str, Sequence[int]] = {
    "urgent-lead": (1, 4),
    "lead-in-cell": (4, 24),
    "sign-off-overdue": (4,),
}
"""Rule of an alert -> hours since it was raised after which it goes up, if nobody acknowledged it
(rows A10 to A12)."""
CARDS = (("normal", 1.0), ("yellow", 1.5), ("red", 2.0))
"""Cards of supervision, and at which share of the limit each is issued."""
MEDIATING = ("accepted", "panel_formed", "in_session")
GIVEN = ("lead.routed.v1", "lead.arbitrated.v1")
CLOSE, CLOCK = timedelta(milliseconds=1), timedelta(minutes=1)
"""How far apart two times may be that are reckoned, and two that are read from clocks."""
SOON = timedelta(seconds=90)
"""What fell due so shortly before all was at rest may be on its way."""


def escalated(seen: Seen) -> Iterator[Violation]:
    """I10: an alert goes up when its hours are over since people were told, at that time."""
    now, due = moment(seen.end["now"]), climbing(seen)
    levels = Counter[str]()
    for event, data in seen.typed("alerts", "alert.escalated.v1"):
        alert, level, at = event["stream_id"], data["level"], moment(data["at"])
        levels[alert] += 1
        known = due.get(alert, [])[level - 1 : level]
        is_due = known and abs(at - known[0]) < CLOSE and at <= _recorded(event)
        if level != levels[alert] or not is_due:
            yield "I10", f"alert {alert} went up to {level} at {data['at']}"
    for row in seen.states.get(("alerts", "alert"), []):
        one = parsed(row["state"])
        left = due.get(row["id"], [])[one["level"] :]
        if one["status"] == "unacknowledged" and left and left[0] < now - SOON:
            yield "I10", f"alert {row['id']} is still at {one['level']}, due at {left[0]}"


def climbing(seen: Seen) -> dict[str, list[datetime]]:
    """When each alert goes up that nobody acknowledges, step by step."""
    due = dict[str, list[datetime]]()
    for event, data in seen.typed("alerts", "alert.raised.v1"):
        hours = () if data["late"] else CLIMBS.get(data["rule"], ())
        due[event["stream_id"]] = [_recorded(event) + timedelta(hours=one) for one in hours]
    return due


def supervised(seen: Seen) -> Iterator[Violation]:
    """I10: who does not sign in time gets the cards that fall due, each once, and at its time."""
    now, cards, given = moment(seen.end["now"]), last_cards(seen), last_given(seen)
    yield from _issued(seen)
    issued = Counter(
        (data["lead_id"], data["unit"], data["card"])
        for _, data in seen.typed("leads", "supervision.issued.v1")
    )
    for card, count in issued.items():
        if count > 1:
            yield "I10", f"card {card} was issued {count} times"
    for row in seen.states.get(("leads", "lead"), []):
        one = parsed(row["state"])
        if one["status"] == "routed" and one["sign_by"] and row["id"] in given:
            due = sum(at < now - SOON for at in falling_due(given[row["id"]]))
            if cards[row["id"]] < due:
                yield "I10", f"lead {row['id']} has {cards[row['id']]} cards, {due} are due"


def _issued(seen: Seen) -> Iterator[Violation]:
    """Each card falls due when it says, for the unit that has the lead and has not signed yet."""
    has, signed = dict[str, Row](), dict[str, datetime]()
    for event, data in seen.typed("leads", *GIVEN, "lead.signed.v1", "supervision.issued.v1"):
        if event["type"] in GIVEN:
            has[event["stream_id"]] = data
            signed.pop(event["stream_id"], None)
        elif event["type"] == "lead.signed.v1":
            signed[event["stream_id"]] = _recorded(event)
        elif not _is_right(event, data, has.get(data["lead_id"])) or data["lead_id"] in signed:
            yield "I10", f"card {event['stream_id']}, {data['card']}, of {data['at']}"


def _is_right(event: Row, card: Row, routed: Row | None) -> bool:
    if routed is None or not routed["sign_by"]:
        return False
    due = dict(zip((name for name, _ in CARDS), falling_due(routed), strict=True)).get(card["card"])
    is_there = all(card[name] == routed[name] for name in ("unit", "community", "cell"))
    at = moment(card["at"])
    return is_there and due is not None and abs(at - due) < CLOSE and at <= _recorded(event)


def last_given(seen: Seen) -> dict[str, Row]:
    """How each lead was given to the unit that has it, or had it last."""
    return {event["stream_id"]: data for event, data in seen.typed("leads", *GIVEN)}


def falling_due(routed: Row) -> Iterator[datetime]:
    """When each card falls due, if nobody signs."""
    begun, limit = moment(routed["at"]), moment(routed["sign_by"])
    yield from (begun + (limit - begun) * share for _, share in CARDS)


def _recorded(event: Row) -> datetime:
    return moment(event["recorded_at"])


def recorded(seen: Seen) -> Iterator[Violation]:
    """I10: nothing was recorded after the end, nor before what came before it."""
    end = moment(seen.end["now"]) + CLOCK
    for service in SERVICES:
        last = dict[str, datetime]()
        for event in sorted(seen.events(service), key=lambda one: int(one["version"])):
            at, before = _recorded(event), last.get(event["stream_id"])
            last[event["stream_id"]] = at
            if at > end or (before and at < before):
                yield "I10", f"{event['type']} {event['event_id']} was recorded at {at}"
    for event, data in seen.typed("leads", "lead.captured.v1"):
        if abs(moment(data["received_at"]) - _recorded(event)) > CLOCK:
            yield "I10", f"lead {event['stream_id']} was received at {data['received_at']}"


def last_cards(seen: Seen) -> Counter[str]:
    """How many were issued about each lead since it was given to its last unit."""
    found = Counter[str]()
    kinds = ("lead.routed.v1", "lead.arbitrated.v1", "supervision.issued.v1")
    for event, data in seen.typed("leads", *kinds):
        if event["type"] == "supervision.issued.v1":
            found[data["lead_id"]] += 1
        else:
            found[event["stream_id"]] = 0
    return found


def overdue(seen: Seen) -> Iterator[Violation]:
    """I10: a case that is not over in its month is overdue from then on, and no other is."""
    now, limits = moment(seen.end["now"]), dict[str, datetime]()
    for event, data in seen.typed("mediation", "mediation_case.accepted.v1"):
        limits[event["stream_id"]] = moment(data["due_at"])
    for event, data in seen.typed("mediation", "mediation_case.fell_overdue.v1"):
        limit = limits.get(event["stream_id"])
        if not limit == moment(data["at"]) == moment(data["due_at"]) <= _recorded(event):
            yield "I10", f"case {event['stream_id']} fell overdue at {data['at']}, not {limit}"
    for row in seen.states.get(("mediation", "mediation_case"), []):
        one = parsed(row["state"])
        due = one["due_at"] and moment(one["due_at"])
        if one["overdue"] and not (due and due <= now):
            yield "I10", f"case {row['id']} is overdue, though it has until {one['due_at']}"
        if one["status"] in MEDIATING and due and due < now - SOON and not one["overdue"]:
            yield "I10", f"case {row['id']} is not overdue, though it had until {one['due_at']}"
