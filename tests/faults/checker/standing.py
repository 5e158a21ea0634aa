"""What stands in each database once all is at rest: positions, first answers, timers."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.faults.checker.seen import SERVICES, Row, Seen
from tests.faults.checker.stored import BY_HTTP, Violation

MEDIATING = ("accepted", "panel_formed", "in_session")


def positions(seen: Seen) -> Iterator[Violation]:
    """I6: every service stands at the end of each partition that it reads."""
    ends = {
        (topic, record["partition"]): record["offset"] + 1
        for topic, records in seen.topics.items()
        for record in sorted(records, key=lambda record: int(record["offset"]))
    }
    for service in SERVICES:
        for row in seen.tables.get((service, "position"), []):
            end = ends.get((row["topic"], row["partition"]), 0)
            if row["next"] != end:
                where = f"{row['topic']}/{row['partition']}"
                yield "I6", f"{service} stands at {row['next']} in {where}, which ends at {end}"


def requests(seen: Seen) -> Iterator[Violation]:
    """I3 and I2: the first answer to each command is kept, once, and none to what nobody asked;
    those since the backup are lost with a database."""
    restored = {fault["whom"] for fault in seen.faults if fault["fault"] == "restore"}
    asked = [one for one in seen.operations.values() if one.kind != "intake"]
    for service in BY_HTTP:
        kept = Counter(row["key"] for row in seen.tables.get((service, "request"), []))
        done = {one.key: one for one in asked if one.asked["service"] == service}
        for key, one in done.items():
            if one.outcome == "ok" and kept[key] != 1 and service not in restored:
                yield "I3", f"the answer to {one.kind} {key} is kept {kept[key]} times"
            if one.outcome == "fail" and kept[key]:
                yield "I2", f"{one.kind} {key} was refused, and an answer is kept"
        for key in kept.keys() - done.keys():
            yield "I2", f"{service} keeps an answer to {key}, which nobody asked"


def timers(seen: Seen) -> Iterator[Violation]:
    """I10: a time limit runs while what it is about is open, and no longer."""
    leads, cases = _states(seen, "leads", "lead"), _states(seen, "mediation", "mediation_case")
    unsigned = {id for id, one in leads.items() if one["status"] == "routed" and one["sign_by"]}
    running = {id for id, one in cases.items() if one["status"] in MEDIATING and not one["overdue"]}
    yield from _differing("leads", _timers(seen, "leads", "sign_off"), unsigned)
    yield from _differing("mediation", _timers(seen, "mediation", "overdue"), running)
    yield from _escalations(seen)


def _escalations(seen: Seen) -> Iterator[Violation]:
    """Of an alert that nobody acknowledged: by its rule, for all of them or for none."""
    open: dict[str, set[str]] = defaultdict(set)
    for id, one in _states(seen, "alerts", "alert").items():
        if one["status"] == "unacknowledged" and not one["late"]:
            open[one["rule"]].add(id)
    found = _timers(seen, "alerts", "escalation")
    wanted = [ids for ids in open.values() if ids & found]
    yield from _differing("alerts", found, set().union(*wanted))


def _differing(service: str, found: set[str], wanted: set[str]) -> Iterator[Violation]:
    for id in sorted(wanted - found):
        yield "I10", f"{service}: no time limit runs for {id}, which is open"
    for id in sorted(found - wanted):
        yield "I10", f"{service}: a time limit runs for {id}, which is not open"


def _timers(seen: Seen, service: str, name: str) -> set[str]:
    rows = seen.tables.get((service, "timer"), [])
    return {row["id"] for row in rows if row["name"] == name}


def _states(seen: Seen, service: str, name: str) -> dict[str, Row]:
    return {row["id"]: json.loads(row["state"]) for row in seen.states.get((service, name), [])}
