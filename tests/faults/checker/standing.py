"""What stands in each database once all is at rest: positions, first answers, timers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from tests.faults.checker.seen import SERVICES, Row, Seen, moment, parsed
from tests.faults.checker.stored import BY_HTTP, Violation
from tests.faults.checker.timed import (
    CARDS,
    CLOSE,
    MEDIATING,
    SOON,
    climbing,
    falling_due,
    last_cards,
    last_given,
)

LIMITS = (
    *("sign_off", "overdue", "escalation", "lock", "session", "confirmations"),
    *("break_glass", "break_glass_approval", "break_glass_review"),
)
"""Timers that are time limits; all others bring what is not done yet."""
READS = {
    "registry": ("portal", "leads", "alerts", "mediation", "scoring"),
    "leads": ("registry", "portal", "mediation", "intake.sandbox"),
    "alerts": ("registry", "portal", "leads", "mediation"),
    "mediation": ("registry", "portal", "leads"),
    "scoring": ("registry", "portal", "leads", "alerts", "mediation"),
    "portal": ("registry",),
}


def positions(seen: Seen) -> Iterator[Violation]:
    """I6: every service stands at the end of each partition that it reads."""
    ends = {
        (topic, record["partition"]): record["offset"] + 1
        for topic, records in seen.topics.items()
        for record in sorted(records, key=lambda record: int(record["offset"]))
    }
    for service in SERVICES:
        rows = seen.tables.get((service, "position"), [])
        stands = {(row["topic"], row["partition"]): row["next"] for row in rows}
        read = {f"civicgrid.{name}" for name in READS[service]}
        for topic, partition in sorted(stands.keys() | {at for at in ends if at[0] in read}):
            end, here = ends.get((topic, partition), 0), stands.get((topic, partition), 0)
            if here != end:
                yield (
                    "I6",
                    f"{service} stands at {here} in {topic}/{partition}, which ends at {end}",
                )


def requests(seen: Seen) -> Iterator[Violation]:
    """I3 and I2: the first answer to each command is kept, once, and none to what nobody asked; one
    that was promised since the backup may be lost with a database."""
    asked = [one for one in seen.operations.values() if one.kind != "intake"]
    for service in BY_HTTP:
        rows = seen.tables.get((service, "request"), [])
        kept = Counter(row["key"] for row in rows)
        for row in rows:
            if row["status"] not in (200, 201):
                yield "I3", f"{service} keeps {row['status']} as the answer to {row['key']}"
        done = {one.key: one for one in asked if one.asked["service"] == service}
        lost = seen.lost(service)
        for key, one in done.items():
            least = one.outcome == "ok" and not any(map(one.was_done_in, lost))
            if kept[key] > 1 or kept[key] < least:
                yield "I3", f"the answer to {one.kind} {key} is kept {kept[key]} times"
            if one.outcome == "fail" and kept[key]:
                yield "I2", f"{one.kind} {key} was refused, and an answer is kept"
        for key in kept.keys() - done.keys():
            yield "I2", f"{service} keeps an answer to {key}, which nobody asked"


def timers(seen: Seen) -> Iterator[Violation]:
    """I10: a time limit runs while what it is about is open, no longer, and to its time."""
    yield from _differing(seen, "leads", "sign_off", _unsigned(seen))
    cases = _states(seen, "mediation", "mediation_case").items()
    running = {id: one for id, one in cases if one["status"] in MEDIATING and not one["overdue"]}
    yield from _differing(seen, "mediation", "overdue", _until(running, "due_at"))
    yield from _differing(seen, "alerts", "escalation", _escalating(seen))
    accounts = _states(seen, "portal", "account")
    locked = {id: one for id, one in accounts.items() if one["locked_until"]}
    yield from _differing(seen, "portal", "lock", _until(locked, "locked_until"))
    sessions = {one["id"]: one for account in accounts.values() for one in account["sessions"]}
    yield from _differing(seen, "portal", "session", _until(sessions, "ends_at"))
    yield from _glasses(seen)
    yield from _differing(seen, "registry", "confirmations", _unconfirmed(seen))


def _glasses(seen: Seen) -> Iterator[Violation]:
    glasses = _states(seen, "portal", "break_glass").items()
    granted = {id: one for id, one in glasses if one["status"] == "granted"}
    yield from _differing(seen, "portal", "break_glass", _until(granted, "ends_at"))
    ended = {id: one for id, one in glasses if one["status"] == "ended"}
    waiting = {id: one for id, one in ended.items() if not one["review_overdue"]}
    yield from _differing(seen, "portal", "break_glass_review", _until(waiting, "review_due_at"))
    owed = {
        id: moment(one["requested_at"]) + timedelta(hours=24)
        for id, one in (*granted.items(), *ended.items())
        if one["emergency"] and not one["approved_by"] and not one["approval_overdue"]
    }
    yield from _differing(seen, "portal", "break_glass_approval", owed)


def unfinished(seen: Seen) -> Iterator[Violation]:
    """I12: nothing is left to do: all is published and applied, no message waits for a fact or is
    to be tried again, and no time limit is over that was not acted upon."""
    long_ago = moment(seen.end["now"]) - SOON
    for service in SERVICES:
        (mark,) = seen.tables[service, "relay"]
        unsent = sum(_place(event) > _place(mark) for event in seen.events(service))
        if unsent:
            yield "I12", f"{service} has {unsent} events that it does not know to be published"
        rows = seen.tables.get((service, "inbox"), [])
        if waiting := sum(row["outcome"] == "waiting" for row in rows):
            yield "I12", f"{service} has {waiting} messages that wait"
        for row in seen.tables.get((service, "timer"), []):
            if row["name"] not in LIMITS or moment(row["due_at"]) < long_ago:
                yield "I12", f"{service} has left {row['name']} of {row['id']}, {row['due_at']}"


def _place(row: Row) -> tuple[int, int]:
    """In the order in which events are published."""
    return row["transaction_id"], row["position"]


def _until(open: Mapping[str, Row], name: str) -> dict[str, datetime]:
    """`name`: of the field of each that says when its limit is over."""
    return {id: moment(one[name]) for id, one in open.items()}


def _unsigned(seen: Seen) -> dict[str, datetime]:
    """The next card that falls due about each lead that waits for its unit."""
    cards, given = last_cards(seen), last_given(seen)
    return {
        id: list(falling_due(given[id]))[cards[id]]
        for id, one in _states(seen, "leads", "lead").items()
        if one["status"] == "routed" and one["sign_by"] and cards[id] < len(CARDS) and id in given
    }


def _escalating(seen: Seen) -> dict[str, datetime]:
    """The next step up of each alert that nobody acknowledged."""
    due = climbing(seen)
    return {
        id: due[id][one["level"]]
        for id, one in _states(seen, "alerts", "alert").items()
        if one["status"] == "unacknowledged" and one["level"] < len(due.get(id, ()))
    }


def _unconfirmed(seen: Seen) -> dict[str, datetime]:
    """Every service has a day to say that it erased a subject."""
    erased = {
        event["stream_id"]: moment(event["recorded_at"])
        for event, _ in seen.typed("registry", "subject.erased.v1")
    }
    requests = _states(seen, "registry", "subject_request").items()
    waiting = {id for id, one in requests if one["missing"] and not one["overdue"]}
    return {id: erased[id] + timedelta(days=1) for id in waiting if id in erased}


def _differing(
    seen: Seen, service: str, name: str, wanted: Mapping[str, datetime]
) -> Iterator[Violation]:
    rows = seen.tables.get((service, "timer"), [])
    found = {row["id"]: moment(row["due_at"]) for row in rows if row["name"] == name}
    for id in sorted(wanted.keys() - found.keys()):
        yield "I10", f"{service}: no time limit runs for {id}, which is open"
    for id in sorted(found.keys() - wanted.keys()):
        yield "I10", f"{service}: a time limit runs for {id}, which is not open"
    for id in sorted(wanted.keys() & found.keys()):
        if abs(found[id] - wanted[id]) > CLOSE:
            yield "I10", f"{service}: the {name} of {id} runs until {found[id]}, not {wanted[id]}"


def _states(seen: Seen, service: str, name: str) -> dict[str, Row]:
    return {row["id"]: parsed(row["state"]) for row in seen.states.get((service, name), [])}
