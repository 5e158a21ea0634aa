"""What stands in each database once all is at rest: positions, first answers, timers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.faults.checker.seen import SERVICES, Row, Seen, parsed
from tests.faults.checker.stored import BY_HTTP, Violation
from tests.faults.checker.timed import CARDS, CLIMBS, MEDIATING, last_cards

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
    """I10: a time limit runs while what it is about is open, and no longer."""
    leads, cases = _states(seen, "leads", "lead"), _states(seen, "mediation", "mediation_case")
    cards = last_cards(seen)
    unsigned = {
        id
        for id, one in leads.items()
        if one["status"] == "routed" and one["sign_by"] and cards[id] < len(CARDS)
    }
    running = {id for id, one in cases.items() if one["status"] in MEDIATING and not one["overdue"]}
    yield from _differing("leads", _timers(seen, "leads", "sign_off"), unsigned)
    yield from _differing("mediation", _timers(seen, "mediation", "overdue"), running)
    open = _states(seen, "alerts", "alert").items()
    late = {id for id, one in open if one["late"] or one["status"] != "unacknowledged"}
    escalating = {id for id, one in open if one["level"] < len(CLIMBS.get(one["rule"], ()))} - late
    yield from _differing("alerts", _timers(seen, "alerts", "escalation"), escalating)
    accounts = _states(seen, "portal", "account")
    locked = {id for id, one in accounts.items() if one["locked_until"]}
    yield from _differing("portal", _timers(seen, "portal", "lock"), locked)
    sessions = {one["id"] for account in accounts.values() for one in account["sessions"]}
    yield from _differing("portal", _timers(seen, "portal", "session"), sessions)
    requests = _states(seen, "registry", "subject_request").items()
    unconfirmed = {id for id, one in requests if one["status"] == "carried_out"}
    yield from _differing("registry", _timers(seen, "registry", "confirmations"), unconfirmed)


def _differing(service: str, found: set[str], wanted: set[str]) -> Iterator[Violation]:
    for id in sorted(wanted - found):
        yield "I10", f"{service}: no time limit runs for {id}, which is open"
    for id in sorted(found - wanted):
        yield "I10", f"{service}: a time limit runs for {id}, which is not open"


def _timers(seen: Seen, service: str, name: str) -> set[str]:
    rows = seen.tables.get((service, "timer"), [])
    return {row["id"] for row in rows if row["name"] == name}


def _states(seen: Seen, service: str, name: str) -> dict[str, Row]:
    return {row["id"]: parsed(row["state"]) for row in seen.states.get((service, name), [])}
