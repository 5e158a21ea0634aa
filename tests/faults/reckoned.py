"""Bends that a checker lets pass which does not reckon for itself what a run says of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

from tests.faults.bends import bend, of_type, one, rewrite, running
from tests.faults.checker import (
    agreed,
    carried,
    limits,
    placed,
    routed,
    standing,
    stored,
    timed,
)
from tests.faults.checker.seen import Row, Seen, moment
from tests.faults.forgeries import GHOST, add_to, records, said, state_of, told_as
from tests.faults.misplaced import newest
from tests.faults.overlooked import later


def moved(text: str, **by: float) -> str:
    return (moment(text) + timedelta(**by)).isoformat()


def says(seen: Seen, service: str, event: Row, name: str, value: object) -> None:
    """The event and its state."""
    told_as(seen, event, **{name: value})
    rewrite(state_of(seen, service, event), "state", **{name: value})


def events_of(seen: Seen, service: str, named: str, /, **wanted: object) -> Iterator[Row]:
    """Events of that type which say so."""
    for event in seen.events(service):
        if event["type"] == named and wanted.items() <= said(event).items():
            yield event


@bend("I10", limits.closed_within)
def a_lead_is_due_a_day_too_late(seen: Seen) -> None:
    event = of_type(seen, "leads", "lead.captured.v1")
    says(seen, "leads", event, "due_at", moved(said(event)["due_at"], days=1))


@bend("I10", limits.signed_within)
def a_unit_has_an_hour_more_to_sign(seen: Seen) -> None:
    event = next(newest(seen, "leads", "lead.routed.v1", kind="clue"))
    says(seen, "leads", event, "sign_by", moved(said(event)["sign_by"], hours=1))


@bend("I10", limits.signed_within)
def a_unit_need_never_sign(seen: Seen) -> None:
    event = next(newest(seen, "leads", "lead.routed.v1", kind="service"))
    says(seen, "leads", event, "sign_by", None)


@bend("I10", limits.settled_within)
def a_case_has_a_day_less_than_its_month(seen: Seen) -> None:
    event = of_type(seen, "mediation", "mediation_case.accepted.v1")
    says(seen, "mediation", event, "due_at", moved(said(event)["due_at"], days=-1))


def put_off(seen: Seen, service: str, name: str) -> None:
    row = one(seen.tables[service, "timer"], name=name)
    row["due_at"] = moved(row["due_at"], minutes=1)


@bend("I10", standing.timers)
def a_card_would_come_too_late(seen: Seen) -> None:
    put_off(seen, "leads", "sign_off")


@bend("I10", standing.timers)
def an_alert_would_go_up_too_late(seen: Seen) -> None:
    put_off(seen, "alerts", "escalation")


@bend("I10", standing.timers)
def a_case_would_fall_overdue_too_late(seen: Seen) -> None:
    """The case was accepted, and no more came of it."""
    accepted = of_type(seen, "mediation", "mediation_case.accepted.v1")
    state = state_of(seen, "mediation", accepted)
    rewrite(state, "state", status="accepted", overdue=False)
    rows = seen.tables["mediation", "timer"]
    rows[:] = [row for row in rows if row["id"] != accepted["stream_id"]]
    due = {"due_at": moved(said(accepted)["due_at"], minutes=1)}
    rows.append({**running(seen, "overdue", accepted["stream_id"]), **due})


@bend("I10", timed.escalated)
def an_alert_went_up_an_hour_late(seen: Seen) -> None:
    last = next(newest(seen, "alerts", "alert.raised.v1", rule="urgent-lead"))
    later(seen, days=1)
    goes_up(seen, last, hours=2)


@bend("I10", timed.overdue)
def a_case_fell_overdue_before_its_month_was_over(seen: Seen) -> None:
    accepted = of_type(seen, "mediation", "mediation_case.accepted.v1")
    at = moved(said(accepted)["due_at"], days=-1)
    data = json.dumps({**said(accepted), "at": at})
    add_to(seen, "mediation", accepted, type="mediation_case.fell_overdue.v1", data=data)


def goes_up(seen: Seen, last: Row, hours: int) -> None:
    """So long after people were told, and it is recorded at once."""
    at = moved(last["recorded_at"], hours=hours)
    data = json.dumps({**said(last), "level": 1, "recipients": [], "at": at})
    add_to(seen, "alerts", last, type="alert.escalated.v1", data=data, recorded_at=at)


@bend("I8", carried.rejected)
def a_bad_intake_was_never_rejected(seen: Seen) -> None:
    events = seen.events("leads")
    events.remove(one(events, type="intake.rejected.v1"))


@bend("I8", carried.rejected)
def a_bad_intake_was_rejected_twice(seen: Seen) -> None:
    event = of_type(seen, "leads", "intake.rejected.v1")
    seen.events("leads").append({**event, "stream_id": GHOST, "event_id": GHOST})


@bend("I8", carried.rejected)
def a_bad_intake_was_rejected_for_something_else(seen: Seen) -> None:
    told_as(seen, of_type(seen, "leads", "intake.rejected.v1"), codes=["unknown_type"])


@bend("I8", carried.rejected)
def a_rejection_names_another_field(seen: Seen) -> None:
    told_as(seen, of_type(seen, "leads", "intake.rejected.v1"), paths=["ce_source"])


@bend("I8", carried.rejected)
def a_good_intake_was_rejected(seen: Seen) -> None:
    """And accepted as well."""
    number = said(of_type(seen, "leads", "intake.accepted.v1"))["source_number"]
    rejected = of_type(seen, "leads", "intake.rejected.v1")
    data = json.dumps({**said(rejected), "source_number": number})
    seen.events("leads").append({**rejected, "stream_id": GHOST, "data": data})


@bend("I10", agreed.counted)
def a_first_return_was_counted_as_the_second(seen: Seen) -> None:
    told_as(seen, next(events_of(seen, "leads", "lead.returned.v1", count=1)), count=2)


@bend("I10", agreed.counted)
def a_lead_came_back_as_of_another_source(seen: Seen) -> None:
    told_as(seen, of_type(seen, "leads", "lead.returned.v1"), source="elsewhere")


@bend("I10", agreed.counted)
def a_session_was_not_counted(seen: Seen) -> None:
    event = next(events_of(seen, "mediation", "mediation_case.session_held.v1", session=1))
    told_as(seen, event, session=0)


@bend("answers", stored.answers)
def a_step_was_refused_for_what_came_after_it(seen: Seen) -> None:
    """It was asked for once its lead was there, and refused before anybody signed."""
    signed = next(
        one
        for one in seen.operations.values()
        if (one.kind, one.outcome) == ("leads sign", "ok")
        and seen.operations.get(one.asked["subject"])
    )
    lead = seen.operations[signed.asked["subject"]]
    about = {"kind": "leads sign", "key": GHOST}
    asked = {**signed.asked, **about, "at": lead.promised_at + 1}
    assert asked["at"] + 1 < signed.asked["at"]
    seen.history.append(asked)
    refused = {"what": "fail", "status": 409, **about}
    seen.history.append({**refused, "at": asked["at"] + 1})


@bend("answers", stored.answers)
def a_step_was_refused_for_what_was_long_past(seen: Seen) -> None:
    """The lead had been signed when it was asked to be accepted."""
    done = {
        (one.kind, one.asked["subject"]): one
        for one in seen.operations.values()
        if one.kind in ("leads sign", "leads accept") and one.outcome == "ok"
    }
    accepted = next(
        one
        for (kind, lead), one in done.items()
        if kind == "leads accept" and done["leads sign", lead].promised_at < one.asked["at"] - 2
    )
    about = {"kind": "leads accept", "key": GHOST}
    seen.history.append({**accepted.asked, **about, "at": accepted.asked["at"] - 2})
    refused = {"what": "fail", "status": 409, **about}
    seen.history.append({**refused, "at": accepted.asked["at"] - 1})


@bend("I11", carried.keyed)
def a_lead_is_ordered_among_those_of_another_community(seen: Seen) -> None:
    """From the first, and everywhere."""
    lead = of_type(seen, "leads", "lead.captured.v1")["stream_id"]
    for event in seen.events("leads"):
        if event["stream_id"] == lead:
            for row in (event, *records(seen, event)):
                row["key"] = "370782009009"


@bend("I11", carried.keyed)
def a_receipt_is_ordered_by_itself(seen: Seen) -> None:
    event = of_type(seen, "leads", "intake.accepted.v1")
    for row in (event, *records(seen, event)):
        row["key"] = event["stream_id"]


def explained(seen: Seen, **changed: object) -> None:
    event = next(newest(seen, "leads", "lead.routed.v1", kind="service"))
    says(seen, "leads", event, "explanation", {**said(event)["explanation"], **changed})


@bend("I7", routed.sent)
def a_rule_that_lost_is_not_told(seen: Seen) -> None:
    explained(seen, losing=[])


@bend("I7", routed.sent)
def a_lead_was_routed_by_what_it_is_not(seen: Seen) -> None:
    explained(seen, inputs={"lead_type": "theft"})


@bend("I1", placed.taken)
def a_lead_is_said_to_lie_near_a_border(seen: Seen) -> None:
    told_as(seen, of_type(seen, "leads", "lead.captured.v1"), near_border=True)


@bend("I1", placed.taken)
def a_clock_is_said_to_be_wrong(seen: Seen) -> None:
    event = of_type(seen, "leads", "lead.captured.v1")
    told_as(seen, event, clock_skew=not said(event)["clock_skew"])


@bend("I10", placed.directed)
def a_case_has_the_number_of_another_day(seen: Seen) -> None:
    event = of_type(seen, "mediation", "mediation_case.applied.v1")
    number = said(event)["number"].split("-")
    says(seen, "mediation", event, "number", "-".join([*number[:-2], "19990101", number[-1]]))


@bend("I12", standing.unfinished)
def an_event_waits_to_be_published(seen: Seen) -> None:
    seen.tables["leads", "relay"][0]["position"] -= 1


@bend("I12", standing.unfinished)
def a_message_waits_for_a_fact(seen: Seen) -> None:
    row = {"name": "wait", "id": GHOST, "due_at": moved(seen.end["now"], minutes=5)}
    seen.tables["alerts", "timer"].append(row)


@bend("I12", standing.unfinished)
def a_message_that_nobody_counts_is_waiting(seen: Seen) -> None:
    told = {"message_id": GHOST, "source": "/civicgrid/leads", "outcome": "waiting"}
    seen.tables["scoring", "inbox"].append(told)


@bend("I12", standing.unfinished)
def a_time_limit_is_over_and_nothing_came_of_it(seen: Seen) -> None:
    row = one(seen.tables["leads", "timer"], name="sign_off")
    row["due_at"] = moved(seen.end["now"], minutes=-5)
