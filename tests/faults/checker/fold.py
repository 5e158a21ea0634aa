"""What a state must be after its events, told a second time and in another way: as tables.

Written from sections 1 of registry.md, leads.md, alerts.md and mediation.md, not from the services.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.faults.checker.aggregate import Aggregate, Illegal, Step, same, to
from tests.faults.checker.fold_portal import (
    ACCOUNT,
    BREAK_GLASS,
    DEVICE,
    GRANTEE,
    SIGN_IN_NAME,
)
from tests.faults.checker.seen import SERVICES, Row

_LEAD = {
    **dict.fromkeys(("community", "cell", "source_number", "captured_by", "received_at", "due_at")),
    **dict.fromkeys(("unit", "police_room", "sign_by", "explanation", "outcome", "closed_at")),
    **{"status": "", "lead_type": "", "kind": "service", "urgency": "normal", "channel": "app"},
    **{"source": "", "imported": False, "routings": 0, "bounced": [], "cancelled": False},
}
_CAPTURED = (
    *("community", "cell", "lead_type", "kind", "urgency", "channel", "source", "source_number"),
    *("captured_by", "received_at", "due_at", "imported", "closed_at", "cancelled"),
)
LEAD = Aggregate(
    _LEAD,
    {
        "lead.captured.v1": Step(to("captured", ""), same(*_CAPTURED)),
        "lead.filed.v1": Step(to("filed", "captured")),
        "lead.routed.v1": Step(
            to("routed", "filed", "unrouted"),
            {
                **same("unit", "police_room", "sign_by", "explanation"),
                "routings": "routing",
            },
        ),
        "lead.unrouted.v1": Step(to("unrouted", "filed", "unrouted"), same("unit", "explanation")),
        "lead.signed.v1": Step(to("signed", "routed")),
        "lead.accepted.v1": Step(to("handling", "signed")),
        "lead.returned.v1": Step(
            to("filed", "routed", "signed"),
            sets={"unit": None},
            adds={"bounced": "returning_unit"},
        ),
        "lead.arbitration_requested.v1": Step(to("arbitration", "filed")),
        "lead.arbitrated.v1": Step(to("routed", "arbitration"), same("unit", "sign_by")),
        "lead.fed_back.v1": Step(to("fed_back", "routed", "signed", "handling"), same("outcome")),
        "lead.verified.v1": Step(to("verified", "fed_back")),
        "lead.rework_ordered.v1": Step(to("handling", "fed_back")),
        "lead.closed.v1": Step(to("closed", "verified", "routed"), {"closed_at": "at"}),
        "lead.dismissed.v1": Step(to("dismissed", "captured", "routed")),
    },
)
SUPERVISION = Aggregate(
    dict.fromkeys(("card", "unit", "lead_id", "issued_at", "community", "cell")),
    {
        "supervision.issued.v1": Step(
            keeps={**same("card", "unit", "lead_id", "community", "cell"), "issued_at": "at"}
        )
    },
)
INTAKE_ITEM = Aggregate(
    {"outcome": None},
    {
        "intake.accepted.v1": Step(sets={"outcome": "accepted"}),
        "intake.rejected.v1": Step(sets={"outcome": "rejected"}),
    },
)
_REVIEW: Row = {
    **dict.fromkeys(("record", "community", "cell", "ended", "ended_at", "passes_at")),
    **{"status": "", "was_kept": False},
}
RETENTION_REVIEW = Aggregate(
    _REVIEW,
    {
        "retention_review.fell_due.v1": Step(
            to("due", "", "kept"),
            {
                **same("record", "community", "cell", "ended", "ended_at"),
                "passes_at": "delete_at",
            },
        ),
        "retention_review.kept.v1": Step(
            to("kept", "due"), {"passes_at": "until"}, {"was_kept": True}
        ),
        "retention_review.deleted.v1": Step(to("deleted", "due"), sets={"passes_at": None}),
    },
)
RULES = Aggregate(
    {"version": 0, "valid_from": None},
    {"routing_rules.published.v1": Step(keeps={"version": "rule_set", "valid_from": "valid_from"})},
)
ALERT = Aggregate(
    {
        **dict.fromkeys(("community", "cell", "about", "raised_at")),
        **{"status": "", "rule": "", "severity": 1, "late": False, "level": 0, "told": []},
    },
    {
        "alert.raised.v1": Step(
            to("unacknowledged", ""),
            {
                **same("community", "cell", "about", "rule", "severity", "late"),
                **{"raised_at": "at", "told": "recipients"},
            },
        ),
        "alert.acknowledged.v1": Step(
            {"unacknowledged": "acknowledged", "returned_unacknowledged": "normal"}
        ),
        "alert.escalated.v1": Step(
            to("unacknowledged", "unacknowledged"), same("level"), adds={"told": "recipients"}
        ),
        "alert.returned_to_normal.v1": Step(
            {"unacknowledged": "returned_unacknowledged", "acknowledged": "normal"}
        ),
    },
)
_RUNNING = ("accepted", "panel_formed", "in_session")
CASE = Aggregate(
    {
        **dict.fromkeys(("community", "cell", "lead_id", "director", "grade", "accepted_at")),
        **{"status": "", "number": "", "centre": "", "track": "people", "level": "community"},
        **{"due_at": None, "overdue": False, "mediators": [], "sessions": 0, "outcome": None},
    },
    {
        "mediation_case.applied.v1": Step(
            to("applied", ""),
            {
                **same("number", "centre", "community", "cell", "lead_id", "track", "level"),
                "director": "director_ref",
            },
        ),
        "mediation_case.declined.v1": Step(to("declined", "applied")),
        "mediation_case.accepted.v1": Step(
            to("accepted", "applied"), {**same("grade", "due_at"), "accepted_at": "at"}
        ),
        "mediation_case.panel_formed.v1": Step(to("panel_formed", "accepted"), same("mediators")),
        "mediation_case.session_held.v1": Step(
            to("in_session", "panel_formed", "in_session"), {"sessions": "session"}
        ),
        "mediation_case.agreed.v1": Step(to("agreed", "in_session")),
        "mediation_case.failed.v1": Step(to("failed", *_RUNNING)),
        "mediation_case.withdrawn.v1": Step(to("withdrawn", "applied", *_RUNNING)),
        "mediation_case.performed.v1": Step(to("performed", "agreed")),
        "mediation_case.closed.v1": Step(
            to("closed", "failed", "withdrawn", "performed"), same("outcome")
        ),
        "mediation_case.fell_overdue.v1": Step(
            {one: one for one in _RUNNING}, sets={"overdue": True}
        ),
    },
)
_FIGURE = ("scheme", "version", "subject", "indicator", "numerator", "denominator")
SCORE = Aggregate(
    {
        **{"scheme": "", "version": 0, "subject": "", "indicator": ""},
        **{"numerator": 0, "denominator": 0},
    },
    {"score.updated.v1": Step(keeps=same(*_FIGURE))},
)
_SINCE = same("valid_from")
AREA = Aggregate(
    {"description": None, "valid_from": None, "valid_to": None},
    {
        "area.opened.v1": Step(keeps=_SINCE),
        "area.changed.v1": Step(keeps=_SINCE),
        "area.closed.v1": Step(keeps=same("valid_from", "valid_to")),
    },
    id="area_id",
    under="description",
    described=("code", "name", "level", "parent", "kind", "community", "households", "polygon"),
)
ORGANISATION = Aggregate(
    {"description": None, "closed": False},
    {
        "organisation.registered.v1": Step(sets={"closed": False}),
        "organisation.changed.v1": Step(sets={"closed": False}),
        "organisation.closed.v1": Step(sets={"closed": True}),
    },
    id="organisation_id",
    under="description",
    described=("code", "name", "kind", "area", "community"),
)
POST = Aggregate(
    {"description": None, "abolished": False},
    {
        "post.established.v1": Step(sets={"abolished": False}),
        "post.abolished.v1": Step(sets={"abolished": True}),
        "post.established.v2": Step(sets={"abolished": False}),
        "post.abolished.v2": Step(sets={"abolished": True}),
    },
    id="post_id",
    under="description",
    described=("code", "role", "area", "organisation", "community"),
)
APPOINTMENT = Aggregate(
    {"description": None, "valid_from": None, "valid_to": None},
    {
        "appointment.activated.v1": Step(keeps=_SINCE),
        "appointment.ended.v1": Step(keeps=same("valid_from", "valid_to")),
        "appointment.activated.v2": Step(keeps=_SINCE),
        "appointment.ended.v2": Step(keeps=same("valid_from", "valid_to")),
    },
    id="appointment_id",
    under="description",
    described=("post", "person_ref", "role", "area", "organisation", "community"),
)
CALENDAR = Aggregate(
    {"times": None},
    {"work_calendar.published.v1": Step()},
    id="calendar_id",
    under="times",
    described=("year", "zone", "shifts", "holidays", "workdays"),
)

_SHOWN = (
    *("source", "document", "basis", "community", "expires_at", "issued_by", "submitted_by"),
    *("content", "thumbprint"),
)
SHARED_BATCH = Aggregate(
    {
        **dict.fromkeys(("decided_by", *_SHOWN)),
        **{"status": "", "entries": [], "reasons": []},
    },
    {
        "shared_batch.submitted.v1": Step(
            to("submitted", "", "refused"), same("entries", *_SHOWN), {"reasons": []}
        ),
        "shared_batch.refused.v1": Step(to("refused", "", "refused"), same("community", "reasons")),
        "shared_batch.approved.v1": Step(
            to("approved", "submitted"), {"decided_by": "approved_by"}
        ),
        "shared_batch.rejected.v1": Step(
            to("rejected", "submitted"), {"decided_by": "rejected_by"}
        ),
        "shared_batch.lapsed.v1": Step(to("rejected", "submitted")),
    },
)
_NOT_TO_GO: Row = {"delete_at": None}
SHARED_ENTRY = Aggregate(
    {
        **dict.fromkeys(("batch_id", "issued_by", "community", "received_at", "expires_at")),
        "delete_at": None,
        **{"status": "", "was_retained": False},
    },
    {
        "shared_entry.received.v1": Step(
            to("proposed", ""),
            {**same("batch_id", "issued_by", "community", "expires_at"), "received_at": "at"},
        ),
        "shared_entry.admitted.v1": Step(to("active", "proposed")),
        "shared_entry.discarded.v1": Step(to("discarded", "proposed")),
        "shared_entry.retained.v1": Step(
            to("active", "active", "expired"),
            same("expires_at"),
            {**_NOT_TO_GO, "was_retained": True},
        ),
        "shared_entry.withdrawn.v1": Step(to("withdrawn", "active", "expired"), sets=_NOT_TO_GO),
        "shared_entry.expired.v1": Step(to("expired", "active"), same("delete_at")),
        "shared_entry.deleted.v1": Step(
            to("deleted", "proposed", "active", "expired"), sets=_NOT_TO_GO
        ),
    },
)

AUDIT_CHAIN = Aggregate(
    {"number": 0, "hash": ""}, {"audit.anchored.v1": Step(keeps=same("number", "hash"))}
)
CONFIRMING = ["alerts", "leads", "mediation", "portal", "registry", "scoring"]
"""Who must say of an erased subject that they can read nothing more."""


def _decided(state: Row, data: Row) -> None:
    state["status"] = "granted" if data["granted"] else "refused"


def _confirmed(state: Row, data: Row) -> None:
    left = [one for one in state["missing"] if one != data["service"]]
    if left != data["missing"]:
        raise Illegal(f"{data['service']} confirmed, and {data['missing']} are left")
    state["missing"] = left
    state["status"] = "carried_out" if left else "confirmed"


def _affected(state: Row, data: Row) -> None:
    if data["goes"]:
        state["erased_at"] = data["at"]


_NOT_HELD: Row = {"ground": None, "held_at": None, "is_deferred": False}
SUBJECT_REQUEST = Aggregate(
    {
        **dict.fromkeys(("record", "reason", "had_content", "erased_at")),
        **{"status": "", "subjects": [], "missing": [], "overdue": False, **_NOT_HELD},
    },
    {
        "subject_request.filed.v1": Step(
            to("filed", "", "refused"),
            same("subjects", "record", "had_content"),
            {"reason": None},
        ),
        "subject_request.decided.v1": Step(to("", "filed"), same("reason"), does=_decided),
        "subject.held.v1": Step(keeps={**same("ground", "had_content"), "held_at": "at"}),
        "subject.released.v1": Step(sets=_NOT_HELD),
        "subject.erased.v1": Step(
            to("carried_out", "granted"),
            {**same("had_content"), "erased_at": "at"},
            {"missing": CONFIRMING},
        ),
        "subject.affected.v1": Step(does=_affected),
        "subject.found_erased.v1": Step(keeps={"erased_at": "at"}),
        "subject.deferred.v1": Step(sets={"is_deferred": True}),
        "subject_request.confirmed.v1": Step(to("", "carried_out"), does=_confirmed),
        "subject_request.fell_overdue.v1": Step(sets={"overdue": True}),
    },
)
ERASURE = Aggregate(
    {"subjects": []}, {"subject_erasure.confirmed.v1": Step(keeps=same("subjects"))}
)
READING_LIMIT = Aggregate(
    {"told_at": None}, {"reading_limit.reached.v1": Step(keeps={"told_at": "at"})}
)
AGGREGATES: Mapping[tuple[str, str], Aggregate] = {
    ("registry", "area"): AREA,
    ("registry", "organisation"): ORGANISATION,
    ("registry", "post"): POST,
    ("registry", "appointment"): APPOINTMENT,
    ("registry", "work_calendar"): CALENDAR,
    ("registry", "shared_batch"): SHARED_BATCH,
    ("registry", "shared_entry"): SHARED_ENTRY,
    ("leads", "lead"): LEAD,
    ("leads", "supervision"): SUPERVISION,
    ("leads", "intake_item"): INTAKE_ITEM,
    ("leads", "routing_rule_set"): RULES,
    ("leads", "retention_review"): RETENTION_REVIEW,
    ("alerts", "alert"): ALERT,
    ("mediation", "mediation_case"): CASE,
    ("scoring", "score"): SCORE,
    ("portal", "account"): ACCOUNT,
    ("portal", "sign_in_name"): SIGN_IN_NAME,
    ("portal", "device"): DEVICE,
    ("portal", "break_glass"): BREAK_GLASS,
    ("portal", "grantee"): GRANTEE,
    ("registry", "subject_request"): SUBJECT_REQUEST,
    **{(service, "erasure"): ERASURE for service in SERVICES},
    **{(service, "reading_limit"): READING_LIMIT for service in SERVICES},
    **{(service, "audit_chain"): AUDIT_CHAIN for service in SERVICES},
}
