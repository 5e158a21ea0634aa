"""More bends that agree with themselves: who got a lead, an alert, a case, and who is credited."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from tests.faults.bends import bend, of_type, one, rewrite
from tests.faults.checker import limits
from tests.faults.checker.placed import city
from tests.faults.checker.seen import SERVICES, Row, Seen
from tests.faults.forgeries import GHOST, add_to, records, said, state_of, told_as


def stand_at_the_ends(seen: Seen) -> None:
    """Every service has read what there is."""
    ends: dict[tuple[str, int], int] = {}
    for topic, rows in seen.topics.items():
        for row in rows:
            at = (topic, row["partition"])
            ends[at] = max(ends.get(at, 0), row["offset"] + 1)
    for service in SERVICES:
        for row in seen.tables[service, "position"]:
            row["next"] = ends.get((row["topic"], row["partition"]), 0)


def forget(seen: Seen, service: str, event: Row) -> None:
    """It never was: neither stored nor published nor read."""
    seen.events(service).remove(event)
    lists = [(seen.topics[event["topic"]], "id"), (seen.tables["scoring", "applied"], "event_id")]
    lists += [(seen.tables[reader, "inbox"], "message_id") for reader in SERVICES]
    for rows, column in lists:
        rows[:] = [row for row in rows if row[column] != event["event_id"]]
    stand_at_the_ends(seen)


def forget_alert(seen: Seen, event: Row) -> None:
    forget(seen, "alerts", event)
    alert = event["stream_id"]
    for rows, column in (
        (seen.states["alerts", "alert"], "id"),
        (seen.tables["alerts", "receipt"], "alert_id"),
        (seen.tables["alerts", "timer"], "id"),
    ):
        rows[:] = [row for row in rows if row[column] != alert]
    counted(seen, "acknowledged", said(event)["cell"], denominator=-1)


def counted(
    seen: Seen, indicator: str, subject: str, numerator: int = 0, denominator: int = 0
) -> None:
    """The figure follows, everywhere it is told."""
    figure = {"indicator": indicator, "subject": subject}
    tally = one(seen.tables["scoring", "tally"], **figure)
    tally["numerator"] += numerator
    tally["denominator"] += denominator
    after = {name: tally[name] for name in ("numerator", "denominator")}
    for state in seen.states["scoring", "score"]:
        if figure.items() <= json.loads(state["state"]).items():
            rewrite(state, "state", **after)
            events = seen.events("scoring")
            told_as(seen, one(events, stream_id=state["id"], version=state["version"]), **after)


def newest(seen: Seen, service: str, named: str, /, **wanted: object) -> Iterator[Row]:
    """Events of that type which say so, and after which nothing came, the last one first."""
    for event in reversed(seen.events(service)):
        is_so = event["type"] == named and wanted.items() <= said(event).items()
        if is_so and state_of(seen, service, event)["version"] == event["version"]:
            yield event


def to_a_station(seen: Seen, event: Row) -> None:
    """It is told that the lead asks for a service, and goes to the station of its community."""
    unit = said(event)["unit"].replace(said(event)["unit_kind"], "community_station")
    told_as(seen, event, kind="service", unit=unit, unit_kind="community_station")
    rewrite(state_of(seen, "leads", event), "state", unit=unit)


@bend("I7")
def a_clue_was_routed_as_a_service(seen: Seen) -> None:
    to_a_station(seen, next(newest(seen, "leads", "lead.routed.v1", kind="clue", routing=1)))


@bend("I7")
def a_clue_was_taken_for_a_service_from_the_first(seen: Seen) -> None:
    event = next(newest(seen, "leads", "lead.routed.v1", kind="clue", routing=1))
    lead = event["stream_id"]
    for earlier in seen.events("leads"):
        if earlier["stream_id"] == lead:
            told_as(seen, earlier, kind="service")
    rewrite(state_of(seen, "leads", event), "state", kind="service")
    to_a_station(seen, event)


@bend("I7")
def a_dispute_was_routed_as_a_service_and_has_no_case(seen: Seen) -> None:
    case = next(newest(seen, "mediation", "mediation_case.applied.v1"))
    routed = newest(seen, "leads", "lead.routed.v1", unit_kind="mediation_centre")
    to_a_station(seen, next(e for e in routed if e["stream_id"] == said(case)["lead_id"]))
    seen.states["mediation", "mediation_case"].remove(state_of(seen, "mediation", case))
    forget(seen, "mediation", case)


@bend("I7")
def a_lead_went_nowhere_though_its_unit_is_there(seen: Seen) -> None:
    event = next(newest(seen, "leads", "lead.routed.v1", kind="clue", routing=1))
    event["type"] = "lead.unrouted.v1"
    told_as(seen, event, unit=None)
    for record in records(seen, event):
        record["type"] = event["type"]
    nothing = dict.fromkeys(("unit", "police_room", "sign_by"))
    state = state_of(seen, "leads", event)
    rewrite(state, "state", status="unrouted", routings=0, **nothing)
    for rows, column, id in (
        (seen.tables["leads", "timer"], "id", event["stream_id"]),
        (seen.tables["mediation", "inbox"], "message_id", event["event_id"]),
        (seen.tables["scoring", "inbox"], "message_id", event["event_id"]),
        (seen.tables["scoring", "applied"], "event_id", event["event_id"]),
    ):
        rows[:] = [row for row in rows if row[column] != id]
    counted(seen, "routed", said(event)["cell"], numerator=-1)


@bend("I7")
def a_lead_that_was_returned_lies_there_for_ever(seen: Seen) -> None:
    unrouted = newest(seen, "leads", "lead.unrouted.v1")
    event = next(one for one in unrouted if one["version"] == 5)
    events = [one for one in seen.events("leads") if one["stream_id"] == event["stream_id"]]
    routed = one(events, type="lead.routed.v1")
    state = state_of(seen, "leads", event)
    state["version"] -= 1
    rewrite(state, "state", status="filed", unit=None, explanation=said(routed)["explanation"])
    forget(seen, "leads", event)
    forget_alert(seen, one(seen.events("alerts"), causation_id=event["event_id"]))


@bend("I10")
def no_lead_that_went_nowhere_has_an_alert(seen: Seen) -> None:
    for event in list(newest(seen, "alerts", "alert.raised.v1", rule="lead-unrouted")):
        forget_alert(seen, event)


@bend("I10")
def an_alert_is_of_another_place_and_told_there(seen: Seen) -> None:
    event = next(newest(seen, "alerts", "alert.raised.v1", rule="lead-in-cell"))
    here = said(event)
    elsewhere = next(
        said(other)
        for other in newest(seen, "alerts", "alert.raised.v1", rule="lead-in-cell")
        if said(other)["community"] != here["community"]
    )
    place = {name: elsewhere[name] for name in ("cell", "community")}
    told_as(seen, event, **place, recipients=elsewhere["recipients"])
    rewrite(state_of(seen, "alerts", event), "state", **place, told=elsewhere["recipients"])
    receipts = seen.tables["alerts", "receipt"]
    receipts[:] = [row for row in receipts if row["alert_id"] != event["stream_id"]]
    people = elsewhere["recipients"]
    receipts += [{"person_ref": one, "alert_id": event["stream_id"]} for one in people]
    counted(seen, "acknowledged", here["cell"], denominator=-1)
    counted(seen, "acknowledged", elsewhere["cell"], denominator=1)


@bend("I10")
def a_common_lead_raised_an_urgent_alert(seen: Seen) -> None:
    event = next(newest(seen, "alerts", "alert.raised.v1", rule="lead-in-cell"))
    told_as(seen, event, rule="urgent-lead", severity=1)
    rewrite(state_of(seen, "alerts", event), "state", rule="urgent-lead", severity=1)


@bend("I10")
def an_alert_was_told_to_nobody_as_too_late(seen: Seen) -> None:
    event = next(newest(seen, "alerts", "alert.raised.v1", rule="lead-in-cell"))
    told_as(seen, event, late=True, recipients=[])
    rewrite(state_of(seen, "alerts", event), "state", late=True, told=[])
    for rows, column in (
        (seen.tables["alerts", "receipt"], "alert_id"),
        (seen.tables["alerts", "timer"], "id"),
    ):
        rows[:] = [row for row in rows if row[column] != event["stream_id"]]
    counted(seen, "acknowledged", said(event)["cell"], denominator=-1)


@bend("I10")
def an_alert_climbed_to_a_stranger(seen: Seen) -> None:
    last = next(newest(seen, "alerts", "alert.raised.v1", rule="lead-in-cell"))
    climbed = add_to(
        *(seen, "alerts", last),
        type="alert.escalated.v1",
        data=json.dumps({**said(last), "level": 1, "recipients": [GHOST]}),
        causation_source="/civicgrid/alerts/timer",
    )
    topic = seen.topics[climbed["topic"]]
    partition = [one for one in topic[:-1] if one["partition"] == topic[-1]["partition"]]
    topic[-1]["offset"] = 1 + max(one["offset"] for one in partition)
    stand_at_the_ends(seen)
    told = [*said(last)["recipients"], GHOST]
    rewrite(state_of(seen, "alerts", climbed), "state", level=1, told=told)
    receipt = {"person_ref": GHOST, "alert_id": climbed["stream_id"]}
    seen.tables["alerts", "receipt"].append(receipt)


@bend("I10")
def a_case_was_opened_at_another_centre(seen: Seen) -> None:
    applied = list(newest(seen, "mediation", "mediation_case.applied.v1"))
    event = applied[0]
    other = next(said(one) for one in applied if said(one)["centre"] != said(event)["centre"])
    place = {name: other[name] for name in ("centre", "community", "cell")}
    told_as(seen, event, **place)
    rewrite(state_of(seen, "mediation", event), "state", **place)


@bend("I10")
def the_outcome_of_a_case_arrived_as_another(seen: Seen) -> None:
    event = one(
        seen.events("leads"), type="lead.fed_back.v1", causation_source="/civicgrid/mediation"
    )
    told_as(seen, event, outcome="failed")
    rewrite(state_of(seen, "leads", event), "state", outcome="failed")


def credited(seen: Seen, change: Callable[[Row], Row]) -> None:
    """The last signature says so instead, and the figures of units follow."""
    event = of_type(seen, "leads", "lead.signed.v1")
    before = dict(said(event))
    after = {**before, **change(before)}
    told_as(seen, event, **after)
    for told, n in ((before, -1), (after, 1)):
        counted(seen, "signed_on_time", told["unit"], n * told["on_time"], n)
        counted(seen, "returned", told["unit"], 0, n)


@bend("I10")
def a_lead_was_signed_by_another_unit(seen: Seen) -> None:
    signed = [said(one) for one in seen.events("leads") if one["type"] == "lead.signed.v1"]
    others = (one["unit"] for one in signed if one["unit"] != signed[-1]["unit"])
    credited(seen, lambda before: {"unit": next(others)})


@bend("I10")
def a_lead_signed_in_time_was_late(seen: Seen) -> None:
    credited(seen, lambda before: {"on_time": not before["on_time"]})


def first_says(seen: Seen, **changed: object) -> None:
    """Of the last lead that was told to have been taken in."""
    event = of_type(seen, "leads", "lead.captured.v1")
    told_as(seen, event, **changed)
    rewrite(state_of(seen, "leads", event), "state", **changed)


@bend("I1")
def a_lead_was_taken_in_for_another_community(seen: Seen) -> None:
    own = said(of_type(seen, "leads", "lead.captured.v1"))["community"]
    others = {one for one in city(seen).communities.values() if one} - {own}
    first_says(seen, community=min(others))


@bend("I10", limits.closed_within)
def a_lead_was_due_before_it_came(seen: Seen) -> None:
    first_says(seen, due_at="1999-01-01T00:00:00Z")
