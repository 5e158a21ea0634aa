"""Accounts, their names and devices, and break-glass grants: section 1 of portal.md, as tables."""

from __future__ import annotations

from datetime import timedelta

from tests.faults.checker.aggregate import Aggregate, Illegal, Step, same, to
from tests.faults.checker.seen import Row, moment


def _lasts(data: Row, since: str, until: str, **time: float) -> None:
    """Raises Illegal where a limit is not so long (rows P6, W25; section 1)."""
    if moment(data[until]) != moment(data[since]) + timedelta(**time):
        raise Illegal(f"{until} is {data[until]}, since {data[since]}")


def _forget(state: Row, data: Row) -> None:
    """Of sessions that ended, those are remembered that the event still tells."""
    ended = {one["session"]: one for one in state["revoked"]}
    state["revoked"] = [ended[id] for id in data["revoked_sessions"]]


def _proved(state: Row, data: Row) -> None:
    """What the account is known by became another."""
    state["proofs"] += 1
    _forget(state, data)


def _locked(state: Row, data: Row) -> None:
    _lasts(data, "at", "locked_until", minutes=15)
    _forget(state, data)


def _invited(state: Row, data: Row) -> None:
    _lasts(data, "at", "invited_until", days=7)
    _proved(state, data)


def _session(state: Row, data: Row) -> None:
    _lasts(data, "at", "ends_at", hours=12)
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
            to("invited", ""),
            same("person_ref", "founder", "second_factor", "invited_until"),
            does=_invited,
        ),
        "account.activated.v1": Step(
            to("active", "invited"),
            same("second_factor", "totp_step"),
            {"activated": True, "invited_until": None},
            does=_proved,
        ),
        "account.sign_in_failed.v1": Step(to("active", "active"), same("failures"), does=_forget),
        "account.locked.v1": Step(
            to("locked", "active"), same("locked_until"), {"failures": []}, does=_locked
        ),
        "account.unlocked.v1": Step(
            to("active", "locked"), sets={"locked_until": None}, does=_forget
        ),
        "account.disabled.v1": Step(
            to("disabled", "invited", "active", "locked"),
            {"disabled_by": "by"},
            {"invited_until": None, **_NO_LOCK},
            does=_forget,
        ),
        "account.enabled.v1": Step(
            {"disabled": "active"}, same("invited_until"), {"disabled_by": None}, does=_enabled
        ),
        "account.reset.v1": Step(
            to("invited", "invited", "active", "locked"),
            same("invited_until"),
            {"activated": False, **_NO_LOCK},
            does=_invited,
        ),
        "account.bound.v1": Step(
            to("active", "invited"),
            sets={"activated": True, "invited_until": None},
            does=_proved,
        ),
        "account.password_changed.v1": Step(
            to("active", "active"), sets={"failures": []}, does=_proved
        ),
        "session.opened.v1": Step(
            to("active", "active"), same("totp_step"), {"failures": []}, does=_session
        ),
        "session.revoked.v1": Step(does=_ended),
    },
)
SIGN_IN_NAME = Aggregate(
    {"account_id": None},
    {
        "sign_in_name.claimed.v1": Step(keeps=same("account_id")),
        "sign_in_name.released.v1": Step(sets={"account_id": None}),
    },
)
DEVICE = Aggregate(
    {
        **dict.fromkeys(("account_id", "session_id", "registered_at", "revoked_at")),
        "status": "",
    },
    {
        "device.registered.v1": Step(
            to("registered", ""), {**same("account_id", "session_id"), "registered_at": "at"}
        ),
        "device.signed_in.v1": Step(to("registered", "registered")),
        "device.revoked.v1": Step(to("revoked", "registered"), same("revoked_at")),
    },
)


def _granted(state: Row, data: Row) -> None:
    _lasts(data, "at", "ends_at", minutes=state["minutes"])


def _unapproved(state: Row, data: Row) -> None:
    """A day after it was asked for, and once (row P6)."""
    if not state["emergency"] or state["approved_by"] or state["approval_overdue"]:
        raise Illegal("no approval is owed")
    _late({**data, "due": state["requested_at"]}, hours=24)
    state["approval_overdue"] = True


def _unreviewed(state: Row, data: Row) -> None:
    if state["review_overdue"]:
        raise Illegal("it is told twice")
    _late({**data, "due": state["review_due_at"]})
    state["review_overdue"] = True


def _late(data: Row, **time: float) -> None:
    if moment(data["at"]) < moment(data["due"]) + timedelta(**time):
        raise Illegal(f"{data['at']} is early for {data['due']}")


def _reviewing(state: Row, data: Row) -> None:
    _lasts(data, "ended_at", "review_due_at", hours=72)


_ASKED = (
    *("person_ref", "place", "community", "given_by", "record", "area", "reason", "case_id"),
    *("minutes", "emergency"),
)
BREAK_GLASS = Aggregate(
    {
        **dict.fromkeys(("requested_at", "granted_at", "approved_by", "ends_at", "ended_at")),
        **dict.fromkeys(("review_due_at", "finding", *_ASKED)),
        **{"status": "", "given_by": [], "minutes": 0, "emergency": False},
        **{"approval_overdue": False, "review_overdue": False},
    },
    {
        "break_glass.requested.v1": Step(
            to("requested", ""), {**same(*_ASKED), "requested_at": "at"}
        ),
        "break_glass.granted.v1": Step(
            to("granted", "requested"),
            {**same("ends_at"), "granted_at": "at", "approved_by": "by"},
            does=_granted,
        ),
        "break_glass.approved.v1": Step(
            {"granted": "granted", "ended": "ended"}, {"approved_by": "by"}
        ),
        "break_glass.refused.v1": Step(to("refused", "requested")),
        "break_glass.ended.v1": Step(
            to("ended", "granted"), same("ended_at", "review_due_at"), does=_reviewing
        ),
        "break_glass.reviewed.v1": Step(to("reviewed", "ended"), same("finding")),
        "break_glass.approval_fell_overdue.v1": Step(
            {"granted": "granted", "ended": "ended"}, does=_unapproved
        ),
        "break_glass.review_fell_overdue.v1": Step(to("ended", "ended"), does=_unreviewed),
    },
)


def _took(state: Row, data: Row) -> None:
    """One grant at a time, and no emergency while one is not approved."""
    if state["grant"] or (data["owed"] and state["owed"]):
        raise Illegal(f"{state['id']} took a grant besides another")
    state["grant"] = data["grant_id"]
    state["owed"] = data["grant_id"] if data["owed"] else state["owed"]


GRANTEE = Aggregate(
    {"grant": None, "owed": None},
    {
        "grantee.took.v1": Step(does=_took),
        "grantee.left.v1": Step(sets={"grant": None}),
        "grantee.settled.v1": Step(sets={"owed": None}),
    },
)
