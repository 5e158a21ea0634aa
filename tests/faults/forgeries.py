"""Bends that agree with themselves: what one trace says wrongly, the others say as well."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from tests.faults.bends import bend, of_type, one, rewrite
from tests.faults.checker.seen import Row, Seen, sha256

GHOST = "00000000-0000-7000-8000-00000000dead"


def records(seen: Seen, event: Row) -> list[Row]:
    return [row for row in seen.topics[event["topic"]] if row["id"] == event["event_id"]]


def told_as(seen: Seen, event: Row, **changed: object) -> None:
    """Its record says the same."""
    rewrite(event, "data", **changed)
    for record in records(seen, event):
        record["digest"] = sha256(event["data"])


def state_of(seen: Seen, service: str, event: Row) -> Row:
    return one(seen.states[service, event["aggregate"]], id=event["stream_id"])


def said(event: Row) -> Mapping[str, Any]:
    told: Mapping[str, Any] = json.loads(event["data"])
    return told


def versions(seen: Seen, topic: str) -> Mapping[str, list[Row]]:
    """Records by their aggregate, in the order of the topic."""
    found: dict[str, list[Row]] = defaultdict(list)
    for record in sorted(seen.topics[topic], key=lambda one: (one["partition"], one["offset"])):
        if record["version"].isdigit():
            found[record["subject"]].append(record)
    return found


def add_to(seen: Seen, service: str, last: Row, **changed: Any) -> Row:
    """One more event of the aggregate of `last`, stored and published as any other."""
    event = {**last, "version": last["version"] + 1, "event_id": GHOST, **changed}
    seen.events(service).append(event)
    state_of(seen, service, event)["version"] += 1
    told = {"id": GHOST, "type": event["type"], "version": str(event["version"])}
    record = {**records(seen, last)[-1], **told, "digest": sha256(event["data"])}
    seen.topics[event["topic"]].append({**record, "offset": 10**9})
    return event


@bend("I5")
def a_record_has_another_type(seen: Seen) -> None:
    records(seen, of_type(seen, "leads", "lead.routed.v1"))[-1]["type"] = "lead.closed.v1"


@bend("I5")
def a_record_has_another_version(seen: Seen) -> None:
    records(seen, of_type(seen, "leads", "lead.routed.v1"))[-1]["version"] = "1"


@bend("I11")
def two_versions_changed_places_before_topics_were_made_anew(seen: Seen) -> None:
    """In a run with a wipe, and never told again."""
    seen.faults.append({"fault": "wipe"})
    first, second = next(
        rows for rows in versions(seen, "civicgrid.scoring").values() if len(rows) == 2
    )
    first["offset"], second["offset"] = second["offset"], first["offset"]


@bend("I11")
def an_event_has_another_key_than_the_one_before_it(seen: Seen) -> None:
    event = of_type(seen, "leads", "lead.routed.v1")
    for row in (event, *records(seen, event)):
        row["key"] = "elsewhere"
