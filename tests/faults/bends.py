"""Ways to bend the traces of a good run, each of which breaks an invariant."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from types import CodeType, FunctionType
from typing import Any

from tests.faults import checker
from tests.faults.checker import audited
from tests.faults.checker.seen import Row, Seen
from tests.faults.checker.stored import Violation

Bend = Callable[[Seen], None]
Rule = Callable[[Seen], Iterator[Violation]]
RECEIPTS = "GET /alerts/{id}/receipts"
BENDS: dict[str, tuple[str, Bend, Rule]] = {}
"""What was bent -> the invariant that is then broken, how it is done, and who must say so."""


def bend(invariant: str, rule: Rule | None = None) -> Callable[[Bend], Bend]:
    """`rule`: of the checker, where others would find it by chance; else each that can."""

    def any_of_them(seen: Seen) -> Iterator[Violation]:
        for one in checker.RULES:
            if invariant in _constants(one):
                yield from one(seen)

    def named(how: Bend) -> Bend:
        BENDS[how.__name__] = (invariant, how, rule or any_of_them)
        return how

    return named


@cache
def _constants(rule: Rule) -> frozenset[Any]:
    """Of its code and of all that it calls in its module."""
    assert isinstance(rule, FunctionType)
    room, left, found = rule.__globals__, [rule.__code__], set[CodeType]()
    while left:
        code = left.pop()
        found.add(code)
        called = (room.get(name) for name in code.co_names)
        inner = {one.__code__ for one in called if isinstance(one, FunctionType)}
        inner |= {one for one in code.co_consts if isinstance(one, CodeType)}
        left += inner - found
    return frozenset(one for code in found for one in code.co_consts)


def one(rows: list[Row], **wanted: object) -> Row:
    """The last of them that is so."""
    found = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    assert found, wanted
    return found[-1]


def of_type(seen: Seen, service: str, kind: str) -> Row:
    return one(seen.events(service), type=kind)


def by_http(seen: Seen, outcome: str, kind: str = "capture") -> str:
    """The key of an operation with this outcome."""
    found = (o for o in seen.operations.values() if (o.kind, o.outcome) == (kind, outcome))
    return next(found).key


def looks_at_receipts(seen: Seen) -> list[Row]:
    """Rows of audit of one who got an answer; they may have asked more often, and got none."""
    reads = (line for line in seen.history if line["what"] == "read")
    line = next(line for line in reads if audited.route_of(line) == RECEIPTS)
    wanted = {"outcome": "done", "route": RECEIPTS, "actor": line["actor"]}
    return [row for row in seen.tables["alerts", "audit"] if wanted.items() <= row.items()]


def rewrite(row: Row, column: str, **changed: object) -> None:
    row[column] = json.dumps(json.loads(row[column]) | changed)


def forget_operation(seen: Seen, key: str) -> None:
    seen.history[:] = [line for line in seen.history if line["key"] != key]


@bend("I1")
def a_promised_lead_is_gone(seen: Seen) -> None:
    key = by_http(seen, "ok")
    events = seen.events("leads")
    events[:] = [event for event in events if event["stream_id"] != key]


@bend("I1")
def a_lead_was_captured_twice(seen: Seen) -> None:
    event = of_type(seen, "leads", "lead.captured.v1")
    seen.events("leads").append({**event, "event_id": "other", "stream_id": "other"})


@bend("I1")
def a_lead_is_stored_with_another_cell(seen: Seen) -> None:
    rewrite(of_type(seen, "leads", "lead.captured.v1"), "data", cell="elsewhere")


@bend("I1")
def an_intake_has_no_receipt(seen: Seen) -> None:
    events = seen.events("leads")
    events.remove(one(events, type="intake.accepted.v1"))


@bend("I2")
def a_refused_step_is_stored(seen: Seen) -> None:
    signed = (o for o in seen.operations.values() if o.asked["event"] == "lead.signed.v1")
    key = next(o.key for o in signed if o.outcome == "ok")
    line = {"what": "fail", "kind": "leads sign", "key": key, "status": 409}
    seen.history.append(line)


@bend("I2")
def nobody_asked_for_a_lead(seen: Seen) -> None:
    forget_operation(seen, by_http(seen, "ok"))


@bend("I2")
def nobody_reported_an_intake(seen: Seen) -> None:
    forget_operation(seen, by_http(seen, "ok", "intake"))


@bend("I3")
def a_repeated_request_got_another_answer(seen: Seen) -> None:
    one(seen.history, what="again")["same"] = False


@bend("answers")
def an_answer_was_an_error_of_ours(seen: Seen) -> None:
    seen.history.append({"what": "unknown", "kind": "capture", "key": "k", "status": 500})


@bend("I4")
def an_event_is_there_twice(seen: Seen) -> None:
    seen.events("alerts").append(dict(seen.events("alerts")[-1]))


@bend("I4")
def two_events_have_one_version(seen: Seen) -> None:
    event = of_type(seen, "leads", "lead.routed.v1")
    event["version"] -= 1


@bend("I5")
def an_event_was_never_published(seen: Seen) -> None:
    id = of_type(seen, "leads", "lead.routed.v1")["event_id"]
    records = seen.topics["civicgrid.leads"]
    records[:] = [record for record in records if record["id"] != id]


@bend("I5")
def a_record_was_never_stored(seen: Seen) -> None:
    records = seen.topics["civicgrid.alerts"]
    records.append({**records[-1], "id": "forged", "digest": "other"})


@bend("I5")
def a_record_differs_from_its_event(seen: Seen) -> None:
    records = seen.topics["civicgrid.mediation"]
    good = [record for record in records if record["digest"] not in seen.poisonous]
    good[-1]["digest"] = "0" * 64


@bend("I5")
def a_record_has_another_key(seen: Seen) -> None:
    records = seen.topics["civicgrid.leads"]
    good = [record for record in records if record["digest"] not in seen.poisonous]
    good[-1]["key"] = "elsewhere"


@bend("I6")
def an_event_was_not_read(seen: Seen) -> None:
    id = of_type(seen, "leads", "lead.routed.v1")["event_id"]
    rows = seen.tables["mediation", "inbox"]
    rows.remove(one(rows, message_id=id))


@bend("I6")
def an_event_waits_for_ever(seen: Seen) -> None:
    one(seen.tables["alerts", "inbox"], source="/civicgrid/leads")["outcome"] = "waiting"


@bend("I6")
def a_good_event_is_dead(seen: Seen) -> None:
    one(seen.tables["scoring", "inbox"], source="/civicgrid/leads")["outcome"] = "dead"


@bend("I6")
def something_was_read_that_nobody_said(seen: Seen) -> None:
    told = {"message_id": "ghost", "source": "/civicgrid/leads", "outcome": "applied"}
    seen.tables["alerts", "inbox"].append(told)


@bend("I7")
def a_lead_was_routed_twice(seen: Seen) -> None:
    event = of_type(seen, "leads", "lead.routed.v1")
    seen.events("leads").append({**event, "event_id": "again"})


@bend("I7")
def a_lead_was_never_routed(seen: Seen) -> None:
    event = of_type(seen, "leads", "lead.routed.v1")
    seen.events("leads").remove(event)


@bend("I8")
def a_poison_was_not_buried(seen: Seen) -> None:
    seen.tables["scoring", "dead_letter"].pop()


@bend("I8")
def a_good_record_was_buried(seen: Seen) -> None:
    letters = seen.tables["scoring", "dead_letter"]
    letters.append({**letters[-1], "value": "Z29vZA=="})


@bend("I9")
def a_state_is_not_the_sum_of_its_events(seen: Seen) -> None:
    rewrite(seen.states["leads", "lead"][-1], "state", status="dismissed")


@bend("I9")
def a_step_is_not_legal(seen: Seen) -> None:
    event = of_type(seen, "leads", "lead.filed.v1")
    event["type"] = "lead.verified.v1"


@bend("I9")
def a_version_is_missing(seen: Seen) -> None:
    events = seen.events("leads")
    events.remove(one(events, type="lead.filed.v1"))


@bend("I9")
def a_state_is_gone(seen: Seen) -> None:
    seen.states["alerts", "alert"].pop()


@bend("I10")
def an_event_was_not_counted(seen: Seen) -> None:
    seen.tables["scoring", "applied"].pop()


@bend("I10")
def an_event_was_counted_twice(seen: Seen) -> None:
    one(seen.tables["scoring", "tally"], indicator="routed")["numerator"] += 1


@bend("I10")
def a_dispute_has_two_cases(seen: Seen) -> None:
    event = of_type(seen, "mediation", "mediation_case.applied.v1")
    seen.events("mediation").append({**event, "event_id": "again", "stream_id": "other"})


@bend("I10")
def a_person_has_no_receipt(seen: Seen) -> None:
    seen.tables["alerts", "receipt"].pop()


@bend("I11")
def two_versions_were_published_the_wrong_way_round(seen: Seen) -> None:
    event = of_type(seen, "leads", "lead.routed.v1")
    records = seen.topics["civicgrid.leads"]
    routed, captured = (
        [r for r in records if r["subject"] == event["stream_id"] and r["version"] == version]
        for version in (str(event["version"]), "1")
    )
    for record in captured:
        record["offset"] = max(one["offset"] for one in routed) + 0.5


@bend("I12")
def a_service_is_still_busy(seen: Seen) -> None:
    seen.end["busy"] = ["State(service='alerts', lag=3)"]


@bend("I12")
def a_process_ended_by_itself(seen: Seen) -> None:
    seen.faults.append({"fault": "ended by itself", "whom": "leads-0", "code": 1})


@bend("I12")
def a_process_did_not_come_up_again(seen: Seen) -> None:
    seen.faults.append({"fault": "not ready", "whom": "leads-0", "said": ""})


@bend("I13")
def a_command_has_no_row_of_audit(seen: Seen) -> None:
    one(seen.tables["leads", "audit"], outcome="done", action="capture_lead")["outcome"] = "again"


@bend("I13")
def a_row_of_audit_is_gone(seen: Seen) -> None:
    del seen.tables["leads", "audit"][3]


@bend("I13")
def a_row_of_audit_says_something_else(seen: Seen) -> None:
    seen.tables["registry", "audit"][3]["actor"] = "somebody else"


@bend("I13")
def a_row_of_audit_came_in_between(seen: Seen) -> None:
    rows = seen.tables["leads", "audit"]
    rows.insert(3, {**rows[3], "position": 0})


@bend("I13")
def seals_are_gone(seen: Seen) -> None:
    del seen.tables["leads", "audit_seal"][0]


@bend("I13")
def a_hash_of_audit_has_no_row(seen: Seen) -> None:
    max(seen.tables["leads", "audit_seal"], key=lambda one: one["first"])["positions"].pop()


@bend("I13")
def another_row_was_anchored(seen: Seen) -> None:
    rewrite(of_type(seen, "leads", "audit.anchored.v1"), "data", hash="0" * 64)


@bend("I6")
def a_service_stands_before_the_end(seen: Seen) -> None:
    seen.tables["scoring", "position"][-1]["next"] -= 1


@bend("I3")
def a_first_answer_is_forgotten(seen: Seen) -> None:
    rows = seen.tables["leads", "request"]
    rows.remove(one(rows, key=by_http(seen, "ok")))


@bend("I2")
def an_answer_is_kept_to_what_nobody_asked(seen: Seen) -> None:
    seen.tables["leads", "request"].append({"source": "x", "key": "ghost", "status": 201})


@bend("I10")
def a_time_limit_is_lost(seen: Seen) -> None:
    rows = seen.tables["leads", "timer"]
    rows.remove(one(rows, name="sign_off"))


def running(seen: Seen, name: str, id: str) -> Row:
    return {"name": name, "id": id, "due_at": seen.end["now"]}


@bend("I10")
def a_time_limit_runs_on(seen: Seen) -> None:
    closed = of_type(seen, "leads", "lead.closed.v1")["stream_id"]
    seen.tables["leads", "timer"].append(running(seen, "sign_off", closed))


@bend("I10")
def an_alert_is_not_escalated(seen: Seen) -> None:
    rows = seen.tables["alerts", "timer"]
    rows.remove(one(rows, name="escalation"))


@bend("I6")
def a_service_never_read_a_partition(seen: Seen) -> None:
    rows = seen.tables["alerts", "position"]
    rows.remove(one(rows, topic="civicgrid.leads"))


@bend("I10")
def no_alert_of_a_rule_is_escalated(seen: Seen) -> None:
    rows = seen.tables["alerts", "timer"]
    rows[:] = [row for row in rows if row["name"] != "escalation"]


@bend("I10")
def a_time_limit_runs_for_a_session_that_there_is_not(seen: Seen) -> None:
    seen.tables["portal", "timer"].append(running(seen, "session", "ghost"))


def restore(seen: Seen, back_up: int) -> None:
    """Leads was restored, after all else, from a backup that was taken at that time."""
    now = max(line["at"] for line in seen.history) + 1
    about = {"whom": "leads", "unwell": []}
    seen.faults.append({"fault": "back_up", "at": back_up, "time": 0, **about})
    seen.faults.append({"fault": "restore", "at": now, "time": 0, **about})


@bend("I3")
def an_answer_from_before_the_backup_is_lost(seen: Seen) -> None:
    key = by_http(seen, "ok")
    restore(seen, back_up=int(seen.operations[key].promised_at) + 1)
    rows = seen.tables["leads", "request"]
    rows.remove(one(rows, key=key))


@bend("I3")
def a_restored_service_keeps_an_answer_twice(seen: Seen) -> None:
    restore(seen, back_up=0)
    seen.tables["leads", "request"].append(dict(seen.tables["leads", "request"][-1]))


@bend("I13")
def the_audit_from_before_the_backup_is_lost(seen: Seen) -> None:
    restore(seen, back_up=max(line["at"] for line in seen.history))
    seen.tables["leads", "audit"].clear()
    seen.tables["leads", "audit_seal"].clear()
    events = seen.events("leads")
    events[:] = [event for event in events if event["type"] != "audit.anchored.v1"]


@bend("I13")
def a_restored_service_anchored_another_row_before_the_backup(seen: Seen) -> None:
    restore(seen, back_up=0)
    rewrite(of_type(seen, "leads", "audit.anchored.v1"), "data", hash="0" * 64)


@bend("answers")
def a_good_lead_was_refused(seen: Seen) -> None:
    key = by_http(seen, "ok")
    seen.history.append({"what": "fail", "kind": "capture", "key": key, "status": 403})


@bend("answers")
def a_step_was_forbidden(seen: Seen) -> None:
    line = {"what": "fail", "kind": "leads verify", "key": "k", "status": 403, "at": 1}
    seen.history.append(line)


@bend("I12")
def it_came_to_rest_too_late(seen: Seen) -> None:
    seen.end["rest_seconds"] = 61 + seen.end["backlog"] / 400


@bend("I3")
def an_error_is_kept_as_an_answer(seen: Seen) -> None:
    seen.tables["leads", "request"][-1]["status"] = 503
