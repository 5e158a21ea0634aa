"""What a time limit brings about, once it is over: no sooner, and not much later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from tests.faults.checker.seen import Row, Seen, moment, parsed
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
SOON = timedelta(seconds=90)
"""What fell due so shortly before all was at rest may be on its way."""


def escalated(seen: Seen) -> Iterator[Violation]:
    """I10: an alert goes up when its hours are over since people were told, and not before."""
    now, due = moment(seen.end["now"]), dict[str, list[datetime]]()
    for event, data in seen.typed("alerts", "alert.raised.v1"):
        hours = () if data["late"] else CLIMBS.get(data["rule"], ())
        raised = moment(event["recorded_at"])
        due[event["stream_id"]] = [raised + timedelta(hours=one) for one in hours]
    for event, data in seen.typed("alerts", "alert.escalated.v1"):
        alert, level = event["stream_id"], data["level"]
        known = due.get(alert, [])
        if level > len(known) or moment(data["at"]) < known[level - 1]:
            yield "I10", f"alert {alert} went up to {level} at {data['at']}"
    for row in seen.states.get(("alerts", "alert"), []):
        one = parsed(row["state"])
        left = due.get(row["id"], [])[one["level"] :]
        if one["status"] == "unacknowledged" and left and left[0] < now - SOON:
            yield "I10", f"alert {row['id']} is still at {one['level']}, due at {left[0]}"


def supervised(seen: Seen) -> Iterator[Violation]:
    """I10: who does not sign in time gets the cards that fall due, each once, and at its time."""
    now, cards = moment(seen.end["now"]), last_cards(seen)
    given = {
        event["stream_id"]: data
        for event, data in seen.typed("leads", "lead.routed.v1", "lead.arbitrated.v1")
    }
    issued = Counter(
        (data["lead_id"], data["unit"], data["card"])
        for _, data in seen.typed("leads", "supervision.issued.v1")
    )
    for card, count in issued.items():
        if count > 1:
            yield "I10", f"card {card} was issued {count} times"
    for event, data in seen.typed("leads", "supervision.issued.v1"):
        if moment(data["at"]) > now or data["lead_id"] not in given:
            yield "I10", f"card {event['stream_id']} was issued at {data['at']}"
    for row in seen.states.get(("leads", "lead"), []):
        one = parsed(row["state"])
        if one["status"] == "routed" and one["sign_by"] and row["id"] in given:
            due = sum(at < now - SOON for at in _due(given[row["id"]]))
            if cards[row["id"]] < due:
                yield "I10", f"lead {row['id']} has {cards[row['id']]} cards, {due} are due"


def _due(routed: Row) -> Iterator[datetime]:
    begun, limit = moment(routed["at"]), moment(routed["sign_by"])
    yield from (begun + (limit - begun) * share for _, share in CARDS)


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
    """I10: a case that is not over in its month is overdue, and no other is."""
    now = moment(seen.end["now"])
    for row in seen.states.get(("mediation", "mediation_case"), []):
        one = parsed(row["state"])
        due = one["due_at"] and moment(one["due_at"])
        if one["overdue"] and not (due and due <= now):
            yield "I10", f"case {row['id']} is overdue, though it has until {one['due_at']}"
        if one["status"] in MEDIATING and due and due < now - SOON and not one["overdue"]:
            yield "I10", f"case {row['id']} is not overdue, though it had until {one['due_at']}"
