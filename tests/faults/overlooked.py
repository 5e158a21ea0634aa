"""Bends that a checker lets pass which believes what a trace says of itself."""

from __future__ import annotations

import json
from datetime import timedelta

from tests.faults.bends import bend, by_http, looks_at_receipts, of_type, one, rewrite
from tests.faults.checker import (
    audited,
    carried,
    caused,
    followed,
    limits,
    placed,
    routed,
    stored,
    timed,
)
from tests.faults.checker.seen import Seen, moment
from tests.faults.forgeries import GHOST, add_to, records, said, state_of, told_as, versions
from tests.faults.misplaced import newest


@bend("I2", caused.caused)
def an_alert_was_cleared_by_the_end_of_another_lead(seen: Seen) -> None:
    cleared = [e for e in seen.events("alerts") if e["type"] == "alert.returned_to_normal.v1"]
    others = [e for e in cleared if e["correlation_id"] != cleared[0]["correlation_id"]]
    cleared[0]["causation_id"] = others[0]["causation_id"]


@bend("I2", caused.caused)
def an_alert_was_cleared_because_its_lead_was_captured(seen: Seen) -> None:
    event = of_type(seen, "alerts", "alert.returned_to_normal.v1")
    of_lead = [e for e in seen.events("leads") if e["stream_id"] == said(event)["about"]]
    event["causation_id"] = one(of_lead, type="lead.captured.v1")["event_id"]


@bend("I2", caused.caused)
def an_alert_knows_another_version_of_its_lead(seen: Seen) -> None:
    event = of_type(seen, "alerts", "alert.raised.v1")
    rewrite(event, "data", about_version=said(event)["about_version"] + 1)


@bend("I2", caused.caused)
def a_lead_was_routed_by_itself(seen: Seen) -> None:
    of_type(seen, "leads", "lead.routed.v1")["causation_source"] = "/civicgrid/leads/whim"


@bend("I2", caused.caused)
def a_time_limit_ran_out_that_never_ran(seen: Seen) -> None:
    event = of_type(seen, "alerts", "alert.raised.v1")
    event |= {"type": "alert.escalated.v1", "causation_source": "/civicgrid/alerts/timer"}


@bend("I2", stored.operations)
def a_lead_is_told_of_somebody_else(seen: Seen) -> None:
    event = of_type(seen, "leads", "lead.signed.v1")
    event["actor"] = GHOST


@bend("I5", carried.published)
def all_that_was_said_of_a_lead_is_in_another_topic(seen: Seen) -> None:
    lead = of_type(seen, "leads", "lead.routed.v1")["stream_id"]
    for event in seen.events("leads"):
        if event["stream_id"] == lead:
            moved = records(seen, event)
            event["topic"] = "civicgrid.alerts"
            seen.topics["civicgrid.alerts"] += moved
    kept = [row for row in seen.topics["civicgrid.leads"] if row["subject"] != lead]
    seen.topics["civicgrid.leads"] = kept


@bend("I11", carried.ordered)
def what_happened_after_topics_were_made_anew_came_first(seen: Seen) -> None:
    """And then the journal was told again, from its beginning."""
    leads = versions(seen, "civicgrid.leads").values()
    *_, last = next(rows for rows in leads if len(rows) > 2)
    seen.topics["civicgrid.leads"].append({**last, "offset": -1})


@bend("I13", audited.recorded)
def somebody_else_is_said_to_have_signed(seen: Seen) -> None:
    one(seen.tables["leads", "audit"], outcome="done", action="sign_lead")["actor"] = GHOST


@bend("I13", audited.asked_for)
def a_look_has_no_row_of_audit(seen: Seen) -> None:
    for row in looks_at_receipts(seen):
        seen.tables["alerts", "audit"].remove(row)


@bend("I13", audited.asked_for)
def a_row_of_audit_tells_of_what_nobody_asked(seen: Seen) -> None:
    rows = seen.tables["alerts", "audit"]
    rows.append({**rows[-1], "actor": GHOST, "command_id": None})


@bend("I13", audited.sealed)
def nothing_was_ever_sealed(seen: Seen) -> None:
    seen.tables["registry", "audit_seal"].clear()


@bend("I13", audited.sealed)
def nothing_was_ever_anchored(seen: Seen) -> None:
    """For long."""
    for row in seen.tables["registry", "audit"]:
        row["at"] = "2026-01-01 00:00:00+00:00"
    events = seen.events("registry")
    events[:] = [event for event in events if event["type"] != "audit.anchored.v1"]


@bend("I7", routed.sent)
def a_lead_reached_the_police_room_of_others(seen: Seen) -> None:
    event = of_type(seen, "leads", "lead.routed.v1")
    rooms = {said(e)["police_room"] for e in newest(seen, "leads", "lead.routed.v1")}
    other = next(room for room in rooms if room != said(event)["police_room"])
    told_as(seen, event, police_room=other)
    rewrite(state_of(seen, "leads", event), "state", police_room=other)


@bend("I7", routed.sent)
def a_lead_was_routed_by_another_rule(seen: Seen) -> None:
    told_as(seen, of_type(seen, "leads", "lead.routed.v1"), rule="by_hand")


@bend("I10", placed.directed)
def a_stranger_directs_a_case(seen: Seen) -> None:
    event = of_type(seen, "mediation", "mediation_case.applied.v1")
    told_as(seen, event, director_ref=GHOST)
    rewrite(state_of(seen, "mediation", event), "state", director=GHOST)


@bend("I1", stored.operations)
def a_lead_was_captured_by_somebody_else(seen: Seen) -> None:
    key = by_http(seen, "ok")
    event = one(seen.events("leads"), stream_id=key, type="lead.captured.v1")
    told_as(seen, event, captured_by=GHOST)
    rewrite(state_of(seen, "leads", event), "state", captured_by=GHOST)


@bend("I1", stored.intake)
def a_receipt_is_for_another_lead(seen: Seen) -> None:
    told_as(seen, of_type(seen, "leads", "intake.accepted.v1"), lead_id=GHOST)


@bend("I10", followed.scored)
def a_score_was_published_with_another_value(seen: Seen) -> None:
    told_as(seen, of_type(seen, "scoring", "score.updated.v1"), value="41.00")


@bend("I10", followed.scored)
def a_score_stands_twice(seen: Seen) -> None:
    seen.states["scoring", "score"].insert(0, {**seen.states["scoring", "score"][-1], "id": GHOST})


@bend("answers", stored.answers)
def a_step_was_refused_that_nothing_hindered(seen: Seen) -> None:
    routed = next(newest(seen, "leads", "lead.routed.v1", routing=1))
    about = {"kind": "leads sign", "key": GHOST, "at": 1}
    asked = {"service": "leads", "event": "lead.signed.v1", "subject": routed["stream_id"]}
    seen.history.append({"what": "invoke", "fields": [], "digest": "", **about, **asked})
    seen.history.append({"what": "fail", "status": 409, **about})


@bend("answers", stored.answers)
def a_service_that_came_late_knows_nobody_at_the_end(seen: Seen) -> None:
    late = next(fault for fault in seen.faults if fault["fault"] == "late start")
    step = {"kind": f"{late['whom']} step", "key": GHOST, "at": late["at"] + 200 * 10**9}
    seen.history.append({"what": "fail", "status": 403, **step})


def later(seen: Seen, days: int) -> None:
    seen.end["now"] = (moment(seen.end["now"]) + timedelta(days=days)).isoformat()


@bend("I10", timed.escalated)
def nobody_was_told_that_an_alert_is_old(seen: Seen) -> None:
    later(seen, days=3)


@bend("I10", timed.supervised)
def nobody_was_told_that_a_lead_is_unsigned(seen: Seen) -> None:
    later(seen, days=30)


@bend("I10", timed.overdue)
def a_case_is_overdue_in_its_month(seen: Seen) -> None:
    accepted = of_type(seen, "mediation", "mediation_case.accepted.v1")
    rewrite(state_of(seen, "mediation", accepted), "state", overdue=True)


@bend("I10", timed.escalated)
def an_alert_went_up_at_once(seen: Seen) -> None:
    last = next(newest(seen, "alerts", "alert.raised.v1", rule="lead-in-cell"))
    data = json.dumps({**said(last), "level": 1, "recipients": []})
    add_to(seen, "alerts", last, type="alert.escalated.v1", data=data)


@bend("I10", placed.raised)
def a_card_has_no_alert(seen: Seen) -> None:
    routed = of_type(seen, "leads", "lead.routed.v1")
    data = {**said(routed), "card": "red", "supervision_id": GHOST}
    card = {"type": "supervision.issued.v1", "stream_id": GHOST, "data": json.dumps(data)}
    seen.events("leads").append({**routed, **card})


@bend("I2", caused.caused)
def an_alert_was_cleared_by_what_came_before_it(seen: Seen) -> None:
    """Its lead was routed, came back, and lies nowhere still."""
    raised = next(newest(seen, "alerts", "alert.raised.v1", rule="lead-unrouted"))
    of_lead = [e for e in seen.events("leads") if e["stream_id"] == said(raised)["about"]]
    earlier = [e for e in of_lead if e["version"] < 5][-1]
    earlier["type"] = "lead.routed.v1"
    cause = {"causation_source": "/civicgrid/leads", "causation_id": earlier["event_id"]}
    add_to(seen, "alerts", raised, type="alert.returned_to_normal.v1", **cause)


@bend("I2", stored.operations)
def somebody_was_appointed_besides_whom_it_was_asked_for(seen: Seen) -> None:
    last = of_type(seen, "registry", "appointment.activated.v1")
    seen.events("registry").append({**last, "stream_id": GHOST, "event_id": GHOST})


@bend("I7", routed.sent)
def a_lead_that_nobody_answers_for_lies_with_a_stranger(seen: Seen) -> None:
    event = next(newest(seen, "leads", "lead.unrouted.v1"))
    told_as(seen, event, unit="town_centre-elsewhere")
    rewrite(state_of(seen, "leads", event), "state", unit="town_centre-elsewhere")


@bend("I7", routed.sent)
def a_lead_is_said_to_be_routed_by_hand(seen: Seen) -> None:
    told_as(seen, of_type(seen, "leads", "lead.routed.v1"), overridden=True)


@bend("I10", placed.told)
def a_person_was_told_twice(seen: Seen) -> None:
    event = of_type(seen, "alerts", "alert.raised.v1")
    people = said(event)["recipients"]
    told_as(seen, event, recipients=[*people, people[0]])


@bend("I10", followed.scored)
def a_figure_stands_twice(seen: Seen) -> None:
    rows = seen.tables["scoring", "tally"]
    rows.insert(0, {**rows[-1], "version": 2, "numerator": 0})


@bend("I10", followed.scored)
def a_figure_is_of_another_version_of_its_scheme(seen: Seen) -> None:
    seen.tables["scoring", "tally"][-1]["version"] += 1


@bend("I10", followed.scored)
def an_event_was_counted_as_one_of_another_type(seen: Seen) -> None:
    seen.tables["scoring", "applied"][-1]["type"] = "lead.imagined.v1"


@bend("I10", followed.scored)
def a_score_was_wrong_in_between(seen: Seen) -> None:
    events = [e for e in seen.events("scoring") if e["type"] == "score.updated.v1"]
    told_again = {e["stream_id"] for e in events if e["version"] == 2}
    first = next(e for e in events if e["version"] == 1 and e["stream_id"] in told_again)
    told_as(seen, first, numerator=99_999, denominator=99_999, value="100.00")


@bend("I10", followed.mediated)
def two_cases_have_one_number(seen: Seen) -> None:
    first, second, *_ = newest(seen, "mediation", "mediation_case.applied.v1")
    told_as(seen, first, number=said(second)["number"])


@bend("I13", audited.recorded)
def audit_tells_of_another_record(seen: Seen) -> None:
    one(seen.tables["leads", "audit"], outcome="done", action="sign_lead")["ids"] = [GHOST]


@bend("I10", timed.recorded)
def an_alert_was_recorded_in_a_time_to_come(seen: Seen) -> None:
    of_type(seen, "alerts", "alert.raised.v1")["recorded_at"] = "2099-01-01 00:00:00+00:00"


@bend("I10", timed.recorded)
def a_lead_was_received_long_ago(seen: Seen) -> None:
    told_as(seen, of_type(seen, "leads", "lead.captured.v1"), received_at="1999-01-01T00:00:00Z")


@bend("I10", limits.settled_within)
def a_case_has_all_the_time_in_the_world(seen: Seen) -> None:
    event = of_type(seen, "mediation", "mediation_case.accepted.v1")
    told_as(seen, event, due_at="2099-01-01T16:00:00Z")


@bend("I10", timed.supervised)
def a_card_was_issued_before_its_time(seen: Seen) -> None:
    routed = of_type(seen, "leads", "lead.routed.v1")
    data = {**said(routed), "card": "normal", "at": said(routed)["sign_by"]}
    card = {"type": "supervision.issued.v1", "stream_id": GHOST, "data": json.dumps(data)}
    seen.events("leads").append({**routed, **card})
