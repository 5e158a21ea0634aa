"""What an account takes, and what comes of it. States and transitions: portal.md, section 1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.contracts.portal import (
    AccountActivated,
    AccountBound,
    AccountDisabled,
    AccountEnabled,
    AccountEvent,
    AccountLocked,
    AccountOpened,
    AccountReset,
    AccountUnlocked,
    Ending,
    PasswordChanged,
    SessionOpened,
    SessionRevoked,
    SignInFailed,
)
from libs.common.messages import Decider, Refused
from libs.rights.tokens import unauthorised
from services.portal.domain.account import (
    FAILURES,
    INVITED_FOR,
    LOCKED_FOR,
    REMEMBERED,
    SESSION_LASTS,
    SESSIONS,
    WITHIN,
    Account,
    Session,
    Status,
    evolve,
)
from services.portal.domain.commands import (
    Activate,
    Bind,
    ChangePassword,
    Command,
    Disable,
    Enable,
    FailSignIn,
    LeaveDevice,
    LetGo,
    LetLockEnd,
    Open,
    OpenSession,
    Reset,
    RevokeSession,
    RevokeSessions,
    Succeed,
    Unlock,
)

_MENDED: Mapping[type[Any], str] = {
    Reset: "reset_account",
    Disable: "disable_account",
}
LEGAL: Mapping[Status, Mapping[type[Any], str]] = {
    "invited": {Activate: "activate_account", Bind: "bind_subject", **_MENDED},
    "active": {ChangePassword: "change_password", **_MENDED},
    "locked": {Unlock: "unlock_account", **_MENDED},
    "disabled": {Enable: "enable_account"},
}
"""Which steps each state takes, and their names for people. What is done at the door, and the end
of sessions, is no step: it is answered in any state. Nobody is bound who signs in already: whoever
did it could then ask in their name, and they would not notice."""


def decide(account: Account, command: Command) -> list[AccountEvent]:
    match command:
        case Open():
            return _open(account, command)
        case OpenSession():
            return _open_session(account, command)
        case FailSignIn(at):
            return _fail(account, at)
        case LetLockEnd(at):
            is_over = account.locked_until is not None and account.locked_until <= at
            return [_event(account, AccountUnlocked, at, by=None)] if is_over else []
        case Succeed():
            return _succeed(account)
        case LetGo(at):
            is_there = account.status not in ("", "disabled")
            return _disable(account, at, account.id) if is_there else []
        case RevokeSession(at, session, ending):
            return _revoke(account, at, ending, filter(None, [account.session(session)]))
        case LeaveDevice(at, device, session):
            there = [one for one in account.sessions if one.device == device or one.id == session]
            return _revoke(account, at, "revoked", there)
    if not account.status:
        raise Refused("not_found", status=404)
    if isinstance(command, RevokeSessions):
        return _revoke(account, command.at, "revoked", account.sessions)
    legal = LEGAL[account.status]
    if type(command) not in legal:
        raise Refused("illegal_transition", allowed=tuple(sorted(legal.values())))
    return _step(account, command)


def _step(account: Account, command: Command) -> list[AccountEvent]:
    """One legal step; the state takes this command."""
    match command:
        case Activate():
            return [_activated(account, command)]
        case Unlock(at, by):
            return [_event(account, AccountUnlocked, at, by=by)]
        case Disable(at, by):
            _check_office(account, command)
            return _disable(account, at, by)
        case Enable():
            return [_enabled(account, command)]
        case Reset():
            return _reset(account, command)
        case Bind(at, by):
            return [_event(account, AccountBound, at, by=by)]
        case ChangePassword():
            return _change_password(account, command)
        case (
            Open() | OpenSession() | FailSignIn() | LetLockEnd() | RevokeSession()
            | RevokeSessions() | LeaveDevice() | LetGo() | Succeed()
        ):  # fmt: skip
            raise AssertionError("decided before")
        case _:
            assert_never(command)


def _open(account: Account, command: Open) -> list[AccountEvent]:
    if account.status and command.person is None:
        raise Refused("name_taken", path="/name")  # a founder's account is that of the name
    if account.status:
        raise Refused("account_exists")
    told = {
        "person_ref": command.person,
        "founder": command.founder,
        "second_factor": command.second_factor,
        "invited_until": command.at + INVITED_FOR,
        "invitation_hash": command.invitation_hash,
    }
    return [_event(account, AccountOpened, command.at, **told)]


def _activated(account: Account, command: Activate) -> AccountEvent:
    """An invitation that ran out is as good as a wrong one."""
    _check_proofs(account, command)
    if account.invited_until is None or account.invited_until <= command.at:
        raise unauthorised()
    if account.second_factor and command.totp_secret is None:
        raise Refused("second_factor_needed", status=422, path="/totp_secret")
    told = {
        "second_factor": command.totp_secret is not None,
        "totp_step": command.totp_step,
        "password_hash": command.password_hash,
        "totp_secret": command.totp_secret,
    }
    return _event(account, AccountActivated, command.at, **told)


def _open_session(account: Account, command: OpenSession) -> list[AccountEvent]:
    """The oldest make room. A code that was taken before is none. A lock is of passwords: who is
    vouched for showed none."""
    _check_proofs(account, command)
    coded = not account.second_factor or command.totp_step > account.totp_step
    proved = command.vouched or coded
    may = ("active", "locked") if command.vouched else ("active",)
    if account.status not in may or not proved:
        raise unauthorised()
    room = SESSIONS - 1
    crowded = account.sessions[:-room] if len(account.sessions) > room else ()
    ended = _revoke(account, command.at, "too_many", crowded)
    told = {
        "session_id": command.session,
        "ends_at": command.at + SESSION_LASTS,
        "totp_step": max(account.totp_step, command.totp_step),
        "device_id": command.device,
    }
    return [*ended, _event(_after(account, ended), SessionOpened, command.at, **told)]


def _check_proofs(account: Account, command: Activate | OpenSession | ChangePassword) -> None:
    """What was shown is what counts now: it took a while to look at it."""
    if command.proofs != account.proofs:
        raise unauthorised()


def _fail(account: Account, at: datetime) -> list[AccountEvent]:
    if account.status != "active":
        return []
    failures = (*(one for one in account.failures if one > at - WITHIN), at)
    failed = _event(account, SignInFailed, at, failures=failures)
    if len(failures) < FAILURES:
        return [failed]
    return [failed, _event(account, AccountLocked, at, locked_until=at + LOCKED_FOR)]


def _check_office(account: Account, command: Disable) -> None:
    """Never one's own, and never the last that opens and enables others."""
    if command.by == account.id:
        raise Refused("own_account")
    if account.in_office and command.successor is None:
        raise Refused("last_founder")


def _succeed(account: Account) -> list[AccountEvent]:
    """Nothing happens to whoever stays."""
    if not account.in_office:
        raise Refused("last_founder")
    return []


def _disable(account: Account, at: datetime, by: UUID) -> list[AccountEvent]:
    ended = _revoke(account, at, "disabled", account.sessions)
    return [*ended, _event(_after(account, ended), AccountDisabled, at, by=by)]


def _enabled(account: Account, command: Enable) -> AccountEvent:
    """Never by who disabled it (row W15)."""
    if account.disabled_by == command.by:
        raise Refused("same_person")
    again = not account.activated
    return _event(
        account,
        AccountEnabled,
        command.at,
        by=command.by,
        invited_until=command.at + INVITED_FOR if again else None,
        invitation_hash=command.invitation_hash if again else None,
    )


def _reset(account: Account, command: Reset) -> list[AccountEvent]:
    """Never one's own: whoever could, has not lost it."""
    if command.by == account.id:
        raise Refused("own_account")
    ended = _revoke(account, command.at, "revoked", account.sessions)
    told = {
        "by": command.by,
        "invited_until": command.at + INVITED_FOR,
        "invitation_hash": command.invitation_hash,
    }
    return [*ended, _event(_after(account, ended), AccountReset, command.at, **told)]


def _change_password(account: Account, command: ChangePassword) -> list[AccountEvent]:
    _check_proofs(account, command)
    if account.session(command.session) is None:
        raise unauthorised()
    others = [one for one in account.sessions if one.id != command.session]
    ended = _revoke(account, command.at, "password_changed", others)
    proofs = {"password_hash": command.password_hash, "totp_secret": command.totp_secret}
    return [*ended, _event(_after(account, ended), PasswordChanged, command.at, **proofs)]


def _revoke(
    account: Account, at: datetime, ending: Ending, sessions: Iterable[Session]
) -> list[AccountEvent]:
    events: list[AccountEvent] = []
    for session in sessions:
        told = {"session_id": session.id, "ending": ending}
        events.append(_event(_after(account, events), SessionRevoked, at, **told))
    return events


def _after(account: Account, events: Iterable[AccountEvent]) -> Account:
    for event in events:
        account = evolve(account, event)
    return account


def _event(
    account: Account, kind: type[AccountEvent], at: datetime, **told: object
) -> AccountEvent:
    """With what must be refused after it."""
    revoked = [one.session for one in account.revoked if one.at > at - REMEMBERED]
    if kind is SessionRevoked:
        revoked.append(told["session_id"])  # type: ignore[arg-type]
    stays = account.status == "disabled" and kind is not AccountEnabled
    disabled = stays or kind is AccountDisabled
    fields = {"account_id": account.id, "at": at, "disabled": disabled, **told}
    return kind(**fields, revoked_sessions=tuple(revoked))  # type: ignore[arg-type]


ACCOUNT: Decider[Account, Command, AccountEvent] = Decider(
    name="account",
    blank=Account,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(Account),
    events=(
        AccountOpened,
        AccountActivated,
        SignInFailed,
        AccountLocked,
        AccountUnlocked,
        AccountDisabled,
        AccountEnabled,
        AccountReset,
        AccountBound,
        PasswordChanged,
        SessionOpened,
        SessionRevoked,
    ),
    shape=3,
)
