"""What a state must be after its events, told a second time and in another way: as tables.

Written from sections 1 of registry.md, leads.md, alerts.md, mediation.md and portal.md, not from
the services.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.checker.seen import SERVICES, Row


@dataclass(frozen=True)
class Step:
    """`moves`: status before -> status after. `keeps`: fields of the state -> fields of the event.
    `sets`: fields -> values. `adds`: fields of the state that grow by a field of the event. `does`:
    what no table says, to the state in place."""

    moves: Mapping[str, str] | None = None
    keeps: Mapping[str, str] = field(default_factory=dict)
    sets: Mapping[str, Any] = field(default_factory=dict)
    adds: Mapping[str, str] = field(default_factory=dict)
    does: Callable[[Row, Row], None] = lambda state, data: None


@dataclass(frozen=True)
class Aggregate:
    """`described`: fields of the event that stand together in the state under `under`."""

    blank: Mapping[str, Any]
    steps: Mapping[str, Step]
    id: str = "id"
    under: str | None = None
    described: Sequence[str] = ()


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


def _to(after: str, *before: str) -> dict[str, str]:
    return dict.fromkeys(before, after)


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
        "lead.captured.v1": Step(_to("captured", ""), _same(*_CAPTURED)),
        "lead.filed.v1": Step(_to("filed", "captured")),
        "lead.routed.v1": Step(
            _to("routed", "filed", "unrouted"),
            {
                **_same("unit", "police_room", "sign_by", "explanation"),
                "routings": "routing",
            },
        ),
        "lead.unrouted.v1": Step(
            _to("unrouted", "filed", "unrouted"), _same("unit", "explanation")
        ),
        "lead.signed.v1": Step(_to("signed", "routed")),
        "lead.accepted.v1": Step(_to("handling", "signed")),
        "lead.returned.v1": Step(
            _to("filed", "routed", "signed"),
            sets={"unit": None},
            adds={"bounced": "returning_unit"},
        ),
        "lead.arbitration_requested.v1": Step(_to("arbitration", "filed")),
        "lead.arbitrated.v1": Step(_to("routed", "arbitration"), _same("unit", "sign_by")),
        "lead.fed_back.v1": Step(_to("fed_back", "routed", "signed", "handling"), _same("outcome")),
        "lead.verified.v1": Step(_to("verified", "fed_back")),
        "lead.rework_ordered.v1": Step(_to("handling", "fed_back")),
        "lead.closed.v1": Step(_to("closed", "verified", "routed"), {"closed_at": "at"}),
        "lead.dismissed.v1": Step(_to("dismissed", "captured", "routed")),
    },
)
SUPERVISION = Aggregate(
    dict.fromkeys(("card", "unit", "lead_id", "issued_at", "community", "cell")),
    {
        "supervision.issued.v1": Step(
            keeps={**_same("card", "unit", "lead_id", "community", "cell"), "issued_at": "at"}
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
            _to("due", "", "kept"),
            {
                **_same("record", "community", "cell", "ended", "ended_at"),
                "passes_at": "delete_at",
            },
        ),
        "retention_review.kept.v1": Step(
            _to("kept", "due"), {"passes_at": "until"}, {"was_kept": True}
        ),
        "retention_review.deleted.v1": Step(_to("deleted", "due"), sets={"passes_at": None}),
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
            _to("unacknowledged", ""),
            {
                **_same("community", "cell", "about", "rule", "severity", "late"),
                **{"raised_at": "at", "told": "recipients"},
            },
        ),
        "alert.acknowledged.v1": Step(
            {"unacknowledged": "acknowledged", "returned_unacknowledged": "normal"}
        ),
        "alert.escalated.v1": Step(
            _to("unacknowledged", "unacknowledged"), _same("level"), adds={"told": "recipients"}
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
            _to("applied", ""),
            {
                **_same("number", "centre", "community", "cell", "lead_id", "track", "level"),
                "director": "director_ref",
            },
        ),
        "mediation_case.declined.v1": Step(_to("declined", "applied")),
        "mediation_case.accepted.v1": Step(
            _to("accepted", "applied"), {**_same("grade", "due_at"), "accepted_at": "at"}
        ),
        "mediation_case.panel_formed.v1": Step(_to("panel_formed", "accepted"), _same("mediators")),
        "mediation_case.session_held.v1": Step(
            _to("in_session", "panel_formed", "in_session"), {"sessions": "session"}
        ),
        "mediation_case.agreed.v1": Step(_to("agreed", "in_session")),
        "mediation_case.failed.v1": Step(_to("failed", *_RUNNING)),
        "mediation_case.withdrawn.v1": Step(_to("withdrawn", "applied", *_RUNNING)),
        "mediation_case.performed.v1": Step(_to("performed", "agreed")),
        "mediation_case.closed.v1": Step(
            _to("closed", "failed", "withdrawn", "performed"), _same("outcome")
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
    {"score.updated.v1": Step(keeps=_same(*_FIGURE))},
)
_SINCE = _same("valid_from")
AREA = Aggregate(
    {"description": None, "valid_from": None, "valid_to": None},
    {
        "area.opened.v1": Step(keeps=_SINCE),
        "area.changed.v1": Step(keeps=_SINCE),
        "area.closed.v1": Step(keeps=_same("valid_from", "valid_to")),
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
        "appointment.ended.v1": Step(keeps=_same("valid_from", "valid_to")),
        "appointment.activated.v2": Step(keeps=_SINCE),
        "appointment.ended.v2": Step(keeps=_same("valid_from", "valid_to")),
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
            _to("submitted", "", "refused"), _same("entries", *_SHOWN), {"reasons": []}
        ),
        "shared_batch.refused.v1": Step(
            _to("refused", "", "refused"), _same("community", "reasons")
        ),
        "shared_batch.approved.v1": Step(
            _to("approved", "submitted"), {"decided_by": "approved_by"}
        ),
        "shared_batch.rejected.v1": Step(
            _to("rejected", "submitted"), {"decided_by": "rejected_by"}
        ),
        "shared_batch.lapsed.v1": Step(_to("rejected", "submitted")),
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
            _to("proposed", ""),
            {**_same("batch_id", "issued_by", "community", "expires_at"), "received_at": "at"},
        ),
        "shared_entry.admitted.v1": Step(_to("active", "proposed")),
        "shared_entry.discarded.v1": Step(_to("discarded", "proposed")),
        "shared_entry.retained.v1": Step(
            _to("active", "active", "expired"),
            _same("expires_at"),
            {**_NOT_TO_GO, "was_retained": True},
        ),
        "shared_entry.withdrawn.v1": Step(_to("withdrawn", "active", "expired"), sets=_NOT_TO_GO),
        "shared_entry.expired.v1": Step(_to("expired", "active"), _same("delete_at")),
        "shared_entry.deleted.v1": Step(
            _to("deleted", "proposed", "active", "expired"), sets=_NOT_TO_GO
        ),
    },
)


def _forget(state: Row, data: Row) -> None:
    """Of sessions that ended, those are remembered that the event still tells."""
    ended = {one["session"]: one for one in state["revoked"]}
    state["revoked"] = [ended[id] for id in data["revoked_sessions"]]


def _proved(state: Row, data: Row) -> None:
    """What the account is known by became another."""
    state["proofs"] += 1
    _forget(state, data)


def _session(state: Row, data: Row) -> None:
    times = {"opened_at": data["at"], "ends_at": data["ends_at"]}
    fresh = {"id": data["session_id"], **times, "device": data["device_id"]}
    state["sessions"] = [*state["sessions"], fresh]
    _forget(state, data)


def _ended(state: Row, data: Row) -> None:
    id = data["session_id"]
    state["sessions"] = [one for one in state["sessions"] if one["id"] != id]
    state["revoked"] = [*state["revoked"], {"session": id, "at": data["at"]}]
    _forget(state, data)


def _enabled(state: Row, data: Row) -> None:
    state["status"] = "invited" if data["invited_until"] else "active"
    _proved(state, data)


_NO_LOCK: Row = {"failures": [], "locked_until": None}
_ACCOUNT: Row = {
    **{"status": "", "person_ref": None, "founder": False, "second_factor": True},
    **{"invited_until": None, "activated": False, "totp_step": 0, "disabled_by": None},
    **{"sessions": [], "revoked": [], "proofs": 0, **_NO_LOCK},
}
ACCOUNT = Aggregate(
    _ACCOUNT,
    {
        "account.opened.v1": Step(
            _to("invited", ""),
            _same("person_ref", "founder", "second_factor", "invited_until"),
            does=_proved,
        ),
        "account.activated.v1": Step(
            _to("active", "invited"),
            _same("second_factor", "totp_step"),
            {"activated": True, "invited_until": None},
            does=_proved,
        ),
        "account.sign_in_failed.v1": Step(_to("active", "active"), _same("failures"), does=_forget),
        "account.locked.v1": Step(
            _to("locked", "active"), _same("locked_until"), {"failures": []}, does=_forget
        ),
        "account.unlocked.v1": Step(
            _to("active", "locked"), sets={"locked_until": None}, does=_forget
        ),
        "account.disabled.v1": Step(
            _to("disabled", "invited", "active", "locked"),
            {"disabled_by": "by"},
            {"invited_until": None, **_NO_LOCK},
            does=_forget,
        ),
        "account.enabled.v1": Step(
            {"disabled": "active"}, _same("invited_until"), {"disabled_by": None}, does=_enabled
        ),
        "account.reset.v1": Step(
            _to("invited", "invited", "active", "locked"),
            _same("invited_until"),
            {"activated": False, **_NO_LOCK},
            does=_proved,
        ),
        "account.bound.v1": Step(
            _to("active", "invited"),
            sets={"activated": True, "invited_until": None},
            does=_proved,
        ),
        "account.password_changed.v1": Step(
            _to("active", "active"), sets={"failures": []}, does=_proved
        ),
        "session.opened.v1": Step(
            _to("active", "active"), _same("totp_step"), {"failures": []}, does=_session
        ),
        "session.revoked.v1": Step(does=_ended),
    },
)
SIGN_IN_NAME = Aggregate(
    {"account_id": None},
    {
        "sign_in_name.claimed.v1": Step(keeps=_same("account_id")),
        "sign_in_name.released.v1": Step(sets={"account_id": None}),
    },
)

AUDIT_CHAIN = Aggregate(
    {"number": 0, "hash": ""}, {"audit.anchored.v1": Step(keeps=_same("number", "hash"))}
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
    **{(service, "audit_chain"): AUDIT_CHAIN for service in SERVICES},
}


class Illegal(Exception):
    """A step that this state does not allow."""


def fold(aggregate: Aggregate, id: str, events: Sequence[tuple[str, Row]]) -> Row:
    """The state after these (type, data). Raises Illegal."""
    state: Row = {aggregate.id: id, **aggregate.blank}
    for n, (kind, data) in enumerate(events, start=1):
        step = aggregate.steps.get(kind)
        if step is None:
            raise Illegal(f"version {n} is {kind}")
        _take(aggregate, state, step, data, f"{kind} at version {n}")
    return state


def _take(aggregate: Aggregate, state: Row, step: Step, data: Row, what: str) -> None:
    if step.moves is not None:
        before = state["status"]
        if before not in step.moves:
            raise Illegal(f"{what} in state {before!r}")
        state["status"] = step.moves[before]
    for name, told in step.keeps.items():
        state[name] = data[told]
    state.update(step.sets)
    for name, told in step.adds.items():
        more = data[told] if isinstance(data[told], list) else [data[told]]
        state[name] = [*state[name], *more]
    step.does(state, data)
    if aggregate.under:
        state[aggregate.under] = {name: data[name] for name in aggregate.described}
