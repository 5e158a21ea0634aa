"""What a time limit brings about, once it is over: no sooner, and not much later."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from tests.faults.checker.seen import Row, Seen, moment
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
    """I10: an alert goes up when its hours are over, and not before."""
    now = moment(seen.end["now"])
    for id, told in seen.streams("alerts", "alert").items():
        raised = told[0][1]
        hours = () if raised["late"] else CLIMBS.get(raised["rule"], ())
        for kind, data in told:
            if kind != "alert.escalated.v1":
                continue
            if data["level"] > len(hours):
                yield "I10", f"alert {id} went up to {data['level']}"
            elif moment(data["at"]) < _after(raised["at"], hours[data["level"] - 1]):
                yield "I10", f"alert {id} went up to {data['level']} before its hours were over"
    for row in seen.states.get(("alerts", "alert"), []):
        one = json.loads(row["state"])
        hours = () if one["late"] else CLIMBS.get(one["rule"], ())[one["level"] :]
        waits = one["status"] == "unacknowledged" and hours
        if waits and _after(one["raised_at"], hours[0]) < now - SOON:
            yield "I10", f"alert {row['id']} of {one['raised_at']} is still at {one['level']}"


def _after(text: str, hours: float) -> datetime:
    return moment(text) + timedelta(hours=hours)


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
        one = json.loads(row["state"])
        if one["status"] == "routed" and one["sign_by"]:
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
        one = json.loads(row["state"])
        due = one["due_at"] and moment(one["due_at"])
        if one["overdue"] and not (due and due <= now):
            yield "I10", f"case {row['id']} is overdue, though it has until {one['due_at']}"
        if one["status"] in MEDIATING and due and due < now - SOON and not one["overdue"]:
            yield "I10", f"case {row['id']} is not overdue, though it had until {one['due_at']}"
