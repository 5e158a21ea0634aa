"""What was promised is stored once, nothing else is, and every state is the sum of its events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from tests.faults.checker.aggregate import Illegal, fold
from tests.faults.checker.fold import AGGREGATES
from tests.faults.checker.seen import SERVICES, Operation, Row, Seen, digest, grouped, named, parsed

Violation = tuple[str, str]
"""An invariant, and what breaks it."""

BY_HTTP = ("leads", "alerts", "mediation")
"""Services of which every command by HTTP stands in the history."""

KNOWS_SECONDS = 120.0
"""After which a service that came late knows who may ask it."""
_STEPS = {name: aggregate.steps for (_, name), aggregate in AGGREGATES.items()}

FOLLOWS = {
    "lead.captured.v1": ("lead.filed.v1", "lead.routed.v1", "lead.unrouted.v1"),
    "lead.returned.v1": ("lead.routed.v1", "lead.unrouted.v1", "lead.arbitration_requested.v1"),
}
"""What the service itself does next, in the same request."""


def operations(seen: Seen) -> Iterator[Violation]:
    """I1 and I2: what was promised is there once as it was sent; what was refused is not."""
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for service in SERVICES:
        for event in seen.events(service):
            if event["causation_source"] == f"/civicgrid/{service}/http":
                found[service, event["causation_id"]].append(event)
    asked = {}
    for one in seen.operations.values():
        if one.kind != "intake":
            service = one.asked["service"]
            cause = (service, named(f"{service}/{one.key}"))
            asked[cause] = one
            events = [event for event in found[cause] if event["type"] == one.asked["event"]]
            yield from _operation(one, events)
            asked_for = (one.asked["event"], *FOLLOWS.get(one.asked["event"], ()))
            for event in found[cause]:
                if event["type"] not in asked_for:
                    yield "I2", f"{one.kind} {one.key} brought {event['type']} about"
                if event["actor"] != one.asked["actor"]:
                    yield "I2", f"{event['type']} of {one.key} is told of {event['actor']}"
    for cause, events in found.items():
        known = cause[0] in BY_HTTP or any(one["type"] == "area.changed.v1" for one in events)
        if known and cause not in asked and events:
            yield "I2", f"{events[0]['type']} of {events[0]['stream_id']}: nobody asked for it"
        if cause not in asked and len(events) > 1:
            yield "I2", f"{events[0]['type']}: what was asked once brought {len(events)} about"


def _operation(one: Operation, events: list[Row]) -> Iterator[Violation]:
    what = f"{one.kind} {one.key}"
    if one.outcome == "ok" and not events:
        yield "I1", f"{what} was promised and is not stored"
    if one.outcome == "fail" and events:
        yield "I2", f"{what} was refused and is stored"
    if len(events) > 1:
        yield "I1", f"{what} is stored {len(events)} times"
    for event in events:
        data = parsed(event["data"])
        if digest({name: data[name] for name in one.asked["fields"]}) != one.asked["digest"]:
            yield "I1", f"{what} is stored with other content"
        if one.asked.get("subject", event["stream_id"]) != event["stream_id"]:
            yield "I1", f"{what} is stored in another aggregate"


def intake(seen: Seen) -> Iterator[Violation]:
    """I1 and I2 of what came by Kafka: one lead and one receipt for each number."""
    leads: dict[str, list[Row]] = defaultdict(list)
    receipts: dict[str, list[str]] = defaultdict(list)
    for _, data in seen.typed("leads", "lead.captured.v1"):
        if data["channel"] == "intake":
            leads[data["source_number"]].append(data)
    for _, data in seen.typed("leads", "intake.accepted.v1"):
        receipts[data["source_number"]].append(data["lead_id"])
    operations = {one.key: one for one in seen.operations.values() if one.kind == "intake"}
    for number, one in operations.items():
        count = len(leads[number])
        if count > 1 or (one.outcome == "ok" and count == 0):
            yield "I1", f"intake {number} is {count} leads"
        if receipts[number] != [data["lead_id"] for data in leads[number]]:
            yield "I1", f"intake {number}: its receipts are for {receipts[number]}"
        for data in leads[number]:
            if digest({name: data[name] for name in one.asked["fields"]}) != one.asked["digest"]:
                yield "I1", f"intake {number} is stored with other content"
    for number in leads.keys() - operations.keys():
        yield "I2", f"nobody reported {number}"


def answers(seen: Seen) -> Iterator[Violation]:
    """I3: a repeated request got the first answer, another body under its key was refused; no
    answer is an error of ours but 503; and nothing is refused that must be taken."""
    late = {
        fault["whom"]: fault["at"] + KNOWS_SECONDS * 1e9
        for fault in seen.faults
        if fault["fault"] == "late start"
    }
    for line in seen.history:
        if line["what"] == "again" and not line["same"]:
            yield "I3", f"{line['kind']} {line['key']}: {line['how']} got {line['status']}"
        elif line.get("status", 0) >= 500 and line["status"] != 503:
            yield "answers", f"{line['kind']} {line['key']} got {line['status']}"
        elif line["what"] == "fail" and line["status"] != 409 and not _may_fail(line, late):
            yield "answers", f"{line['kind']} {line['key']} was refused: {line['status']}"
    yield from _conflicts(seen)


def _may_fail(line: Row, late: Mapping[str, float]) -> bool:
    """All that is asked is well formed, by who may ask it: a lead is taken always. A service that
    came late may not know yet who asks."""
    service, _, step = line["kind"].partition(" ")
    return bool(step) and line["status"] in (403, 404) and line["at"] < late.get(service, 0)


def _conflicts(seen: Seen) -> Iterator[Violation]:
    """A step is refused only where another came first: something that its subject went through from
    when it was asked for until it was refused did not allow it."""
    names = (("leads", "lead"), ("alerts", "alert"), ("mediation", "mediation_case"))
    streams = {service: _streams(seen, service, name) for service, name in names}
    asked = {
        (f"/civicgrid/{service}/http", named(f"{service}/{one.key}")): one
        for one in seen.operations.values()
        if (service := one.asked["service"]) in streams
    }
    for one in seen.operations.values():
        if one.outcome != "fail" or one.statuses[-1] != 409:
            continue
        events = streams.get(one.asked["service"], {}).get(one.asked.get("subject", ""), [])
        if not _is_hindered(one, events, asked):
            yield "answers", f"{one.kind} {one.key} was refused, and nothing hindered it"


def _streams(seen: Seen, service: str, aggregate: str) -> dict[str, list[Row]]:
    """Events of each, in the order of versions."""
    of_it = [event for event in seen.events(service) if event["aggregate"] == aggregate]
    of_it.sort(key=lambda event: int(event["version"]))
    return {id: events for (id,), events in grouped(of_it, "stream_id").items()}


def _is_hindered(
    one: Operation, events: Sequence[Row], asked: Mapping[tuple[str, str], Operation]
) -> bool:
    """What was promised before it was asked for is past; what was asked for after it was refused
    had not come. What nobody asked for may have come at any time."""
    status, statuses = "", list[str]()
    steps = _STEPS[one.asked["event"].partition(".")[0]]
    for event in events:
        cause = asked.get((event["causation_source"], event["causation_id"]))
        if cause and cause.asked["at"] > one.refused_at:
            break
        if cause and cause.promised_at < one.asked["at"]:
            statuses.clear()
        status = (steps[event["type"]].moves or {}).get(status, status)
        statuses.append(status)
    there = [one for one in statuses if one not in ("captured", "filed")]
    return any(status not in (steps[one.asked["event"]].moves or {}) for status in there)


def journals(seen: Seen) -> Iterator[Violation]:
    """I4: each event once, no two of one version."""
    for service in SERVICES:
        for (id,), rows in grouped(seen.events(service), "event_id").items():
            if len(rows) > 1:
                yield "I4", f"{service} has event {id} {len(rows)} times"
        of_version = grouped(seen.events(service), "aggregate", "stream_id", "version")
        for at, rows in of_version.items():
            if len(rows) > 1:
                yield "I4", f"{service} has {' '.join(map(str, at))} {len(rows)} times"


def states(seen: Seen) -> Iterator[Violation]:
    """I9: versions run from 1 without a gap, every step is legal, and the state is their sum."""
    for service in SERVICES:
        streams = grouped(seen.events(service), "aggregate", "stream_id")
        for (owner, name), rows in seen.states.items():
            if owner != service:
                continue
            for row in rows:
                events = streams.pop((name, row["id"]), [])
                yield from _state(service, name, row, events)
        for name, id in streams:
            yield "I9", f"{service} has events and no state of {name} {id}"


def _state(service: str, name: str, row: Row, events: list[Row]) -> Iterator[Violation]:
    what = f"{service} {name} {row['id']}"
    events = sorted(events, key=lambda event: int(event["version"]))
    versions = [event["version"] for event in events]
    if versions != list(range(1, row["version"] + 1)):
        yield "I9", f"{what} is at version {row['version']} and has events {versions[-5:]}"
        return
    told = [(event["type"], parsed(event["data"])) for event in events]
    try:
        wanted = fold(AGGREGATES[service, name], row["id"], told)
    except (Illegal, KeyError) as error:
        yield "I9", f"{what}: {error}"
        return
    state = parsed(row["state"])
    if state != wanted:
        wrong = sorted(k for k in {*state, *wanted} if state.get(k) != wanted.get(k))
        yield "I9", f"{what} is not the sum of its events: {', '.join(wrong)}"
