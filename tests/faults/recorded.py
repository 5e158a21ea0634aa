"""Bends of what is recorded of people: rows of audit, and folds of what a campaign has none of."""

from __future__ import annotations

import json

from tests.faults.bends import bend, looks_at_receipts, of_type, one
from tests.faults.checker import audited, described, stored
from tests.faults.checker.seen import Row, Seen
from tests.faults.forgeries import GHOST


def row_of(seen: Seen, **wanted: object) -> Row:
    return one(seen.tables["leads", "audit"], **{"outcome": "done", **wanted})


@bend("I13", described.described)
def a_row_of_audit_names_another_action(seen: Seen) -> None:
    row_of(seen, action="sign_lead")["action"] = "close_lead"


@bend("I13", described.described)
def a_row_of_audit_names_a_post_of_somebody_else(seen: Seen) -> None:
    row_of(seen, action="sign_lead")["acting_for"] = ["privacy_officer-370782-1"]


@bend("I13", described.described)
def a_row_of_audit_names_no_post(seen: Seen) -> None:
    row_of(seen, action="sign_lead")["acting_for"] = []


@bend("I13", described.described)
def a_row_of_audit_tells_of_a_grant_that_nobody_had(seen: Seen) -> None:
    row_of(seen, action="sign_lead")["grant_id"] = GHOST


@bend("I13", described.described)
def a_row_of_audit_tells_of_one_record_more(seen: Seen) -> None:
    row_of(seen, action="sign_lead")["ids"].append(GHOST)


@bend("I13", described.described)
def a_step_that_was_done_is_said_to_be_refused_besides(seen: Seen) -> None:
    row = {**row_of(seen, action="sign_lead"), "outcome": "refused", "code": "illegal_transition"}
    seen.tables["leads", "audit"].append(row)


@bend("I13", audited.asked_for)
def a_row_of_audit_names_a_field_that_nobody_sent(seen: Seen) -> None:
    row_of(seen, action="capture_lead")["fields"].append("reporter")


@bend("I13", audited.asked_for)
def a_row_of_audit_names_a_filter_that_nobody_set(seen: Seen) -> None:
    one(seen.tables["alerts", "audit"], route="GET /alerts")["filters"] = ["status"]


@bend("I13", audited.asked_for)
def a_row_of_audit_hides_a_field_that_was_shown(seen: Seen) -> None:
    for row in looks_at_receipts(seen):
        row["fields"] = [name for name in row["fields"] if name != "person_ref"]


@bend("I13", described.shown)
def a_person_was_shown_and_no_row_of_audit_names_them(seen: Seen) -> None:
    line = one(seen.history, what="read", method="GET", filters=[], service="alerts")
    for row in seen.tables["alerts", "audit"]:
        if line["ids"][0] in row["ids"]:
            row["ids"].remove(line["ids"][0])


@bend("I13", described.followed_up)
def an_event_has_the_trace_of_another_request(seen: Seen) -> None:
    of_type(seen, "leads", "lead.signed.v1")["correlation_id"] = "0" * 32


@bend("I13", described.followed_up)
def a_row_of_audit_is_of_another_day(seen: Seen) -> None:
    row_of(seen, action="sign_lead")["at"] = "2026-01-01 00:00:00+00:00"


def there_is(seen: Seen, service: str, aggregate: str, state: Row, *told: tuple[str, Row]) -> None:
    """Events of something of which this run had none, and its state."""
    last = of_type(seen, "leads", "lead.captured.v1")
    about = {**last, "aggregate": aggregate, "stream_id": GHOST, "key": GHOST}
    for n, (kind, data) in enumerate(told, start=1):
        event = {**about, "type": kind, "version": n, "data": json.dumps(data)}
        seen.events(service).append(event)
    row = {"id": GHOST, "version": len(told), "state": json.dumps({"id": GHOST, **state})}
    seen.states[service, aggregate].append(row)


@bend("I9", stored.states)
def a_device_is_registered_still_after_it_was_revoked(seen: Seen) -> None:
    owner = {"account_id": GHOST, "session_id": GHOST}
    registered = {"device_id": GHOST, **owner, "at": "2026-11-29T08:00:00Z"}
    revoked = {**registered, "revoked_at": "2026-11-29T09:00:00Z", "by": GHOST}
    state = {**owner, "registered_at": registered["at"], "revoked_at": None}
    told = [("device.registered.v1", registered), ("device.revoked.v1", revoked)]
    there_is(seen, "portal", "device", {"status": "registered", **state}, *told)


@bend("I9", stored.states)
def a_person_has_a_grant_that_they_left(seen: Seen) -> None:
    told = {"grant_id": GHOST, "owed": False}
    kinds = ("grantee.took.v1", "grantee.left.v1")
    state = {"grant": GHOST, "owed": None}
    there_is(seen, "portal", "grantee", state, *((kind, told) for kind in kinds))


@bend("I9", stored.states)
def a_grant_lasts_longer_than_was_asked(seen: Seen) -> None:
    asked = {"person_ref": GHOST, "minutes": 10, "emergency": True, "at": "2026-11-29T08:00:00Z"}
    asked |= dict.fromkeys(("place", "community", "record", "area", "reason", "case_id"))
    asked |= {"given_by": []}
    granted = {"at": asked["at"], "ends_at": "2026-11-29T08:30:00Z", "by": None}
    told = [("break_glass.requested.v1", asked), ("break_glass.granted.v1", granted)]
    state = {**asked, "status": "granted", "requested_at": asked["at"]}
    state |= {"granted_at": asked["at"], "ends_at": granted["ends_at"]}
    state |= dict.fromkeys(("approved_by", "ended_at", "review_due_at", "finding"))
    state |= dict.fromkeys(("approval_overdue", "review_overdue"), False)
    del state["at"]
    there_is(seen, "portal", "break_glass", state, *told)


@bend("I9", stored.states)
def an_erasure_names_another_subject(seen: Seen) -> None:
    told = {"subject_ref": GHOST, "subjects": [GHOST], "service": "leads"}
    erased = ("subject_erasure.confirmed.v1", told)
    there_is(seen, "leads", "erasure", {"subjects": []}, erased)
