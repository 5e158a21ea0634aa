"""Bends that agree with themselves: what one trace says wrongly, the others say as well."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from tests.faults.bends import bend, by_http, of_type, one, rewrite
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
        rows
        for rows in versions(seen, "civicgrid.scoring").values()
        if [row["version"] for row in rows] == ["1", "2"]
    )
    first["offset"], second["offset"] = second["offset"], first["offset"]


@bend("I11")
def an_event_has_another_key_than_the_one_before_it(seen: Seen) -> None:
    event = of_type(seen, "leads", "lead.routed.v1")
    for row in (event, *records(seen, event)):
        row["key"] = "elsewhere"


@bend("I6")
def an_event_was_applied_twice(seen: Seen) -> None:
    rows = seen.tables["alerts", "inbox"]
    rows.append(dict(one(rows, source="/civicgrid/leads")))


@bend("I6")
def an_intake_item_was_read_that_nobody_sent(seen: Seen) -> None:
    told = {"message_id": GHOST, "source": "/civicgrid/intake/sandbox", "outcome": "applied"}
    seen.tables["leads", "inbox"].append(told)


@bend("I6")
def something_was_read_of_a_source_that_there_is_not(seen: Seen) -> None:
    told = {"message_id": GHOST, "source": "/civicgrid/forger", "outcome": "applied"}
    seen.tables["alerts", "inbox"].append(told)


@bend("I8")
def a_poison_was_buried_twice(seen: Seen) -> None:
    letters = seen.tables["scoring", "dead_letter"]
    letters.append(dict(letters[-1]))


@bend("I8")
def a_poison_was_buried_as_of_another_topic(seen: Seen) -> None:
    seen.tables["scoring", "dead_letter"][-1]["topic"] = "civicgrid.elsewhere"


def sent_to(seen: Seen, unit: str) -> None:
    """The last lead for a police room, everywhere."""
    events = seen.events("leads")
    routed = [event for event in events if event["type"] == "lead.routed.v1"]
    event = [one for one in routed if said(one)["unit_kind"] == "police_room"][-1]
    told_as(seen, event, unit=unit)
    state = state_of(seen, "leads", event)
    if json.loads(state["state"])["unit"]:
        rewrite(state, "state", unit=unit)


@bend("I7")
def a_lead_went_to_another_community(seen: Seen) -> None:
    routed = [event for event in seen.events("leads") if event["type"] == "lead.routed.v1"]
    rooms = [said(one)["unit"] for one in routed if said(one)["unit_kind"] == "police_room"]
    sent_to(seen, next(room for room in rooms if room != rooms[-1]))


@bend("I7")
def a_lead_went_to_a_unit_that_there_is_not(seen: Seen) -> None:
    sent_to(seen, "police_room-nowhere")


@bend("I7")
def a_clue_went_to_a_station(seen: Seen) -> None:
    """Of its own community."""
    routed = [event for event in seen.events("leads") if event["type"] == "lead.routed.v1"]
    rooms = [said(one)["unit"] for one in routed if said(one)["unit_kind"] == "police_room"]
    sent_to(seen, rooms[-1].replace("police_room", "community_station"))


@bend("I10")
def an_alert_told_a_stranger(seen: Seen) -> None:
    event = of_type(seen, "alerts", "alert.raised.v1")
    person, *others = said(event)["recipients"]
    told_as(seen, event, recipients=[GHOST, *others])
    state = state_of(seen, "alerts", event)
    told = json.loads(state["state"])["told"]
    rewrite(state, "state", told=[GHOST if one == person else one for one in told])
    receipts = seen.tables["alerts", "receipt"]
    one(receipts, alert_id=event["stream_id"], person_ref=person)["person_ref"] = GHOST


@bend("I10")
def a_score_that_was_published_is_not_the_sum(seen: Seen) -> None:
    event = of_type(seen, "scoring", "score.updated.v1")
    more = said(event)["numerator"] + 7
    told_as(seen, event, numerator=more)
    rewrite(state_of(seen, "scoring", event), "state", numerator=more)


@bend("I10")
def a_score_was_never_published(seen: Seen) -> None:
    id = of_type(seen, "scoring", "score.updated.v1")["stream_id"]
    for rows, column in (
        (seen.states["scoring", "score"], "id"),
        (seen.events("scoring"), "stream_id"),
        (seen.topics["civicgrid.scoring"], "subject"),
    ):
        rows[:] = [row for row in rows if row[column] != id]


@bend("I2")
def an_alert_climbed_for_an_event_that_nobody_said(seen: Seen) -> None:
    last = of_type(seen, "alerts", "alert.raised.v1")
    data = json.dumps({**said(last), "level": 1, "recipients": []})
    climbed = {"type": "alert.escalated.v1", "data": data, "causation_id": GHOST}
    rewrite(state_of(seen, "alerts", add_to(seen, "alerts", last, **climbed)), "state", level=1)


@bend("I2")
def a_lead_was_dismissed_by_who_captured_it(seen: Seen) -> None:
    """In the same request, which asked for nothing of the kind."""
    last = next(
        event
        for event in reversed(seen.events("leads"))
        if event["type"] == "lead.routed.v1"
        and event["causation_source"] == "/civicgrid/leads/http"
        and state_of(seen, "leads", event)["version"] == event["version"]
    )
    event = add_to(seen, "leads", last, type="lead.dismissed.v1")
    rewrite(state_of(seen, "leads", event), "state", status="dismissed")
    read = {"message_id": GHOST, "source": "/civicgrid/leads", "outcome": "applied"}
    seen.tables["alerts", "inbox"].append(read)


@bend("I1")
def an_intake_that_was_promised_once_is_gone(seen: Seen) -> None:
    """Its second sending failed: the first was promised all the same."""
    key = by_http(seen, "ok", "intake")
    seen.history.append({"what": "unknown", "kind": "intake", "key": key, "status": 0})
    kept = [event for event in seen.events("leads") if key not in event["data"]]
    seen.events("leads")[:] = kept
