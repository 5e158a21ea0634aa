"""An account and its sessions. States and transitions: portal.md, section 1.

What it is proved by, the password, the secret of codes and the invitation, is sealed in its events
and in no state: commands say that the proof was right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, assert_never
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.contracts.portal import (
    AccountActivated,
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
from libs.rights.tokens import ACCESS_SECONDS, unauthorised
from services.portal.domain.commands import (
    Activate,
    ChangePassword,
    Command,
    Disable,
    Enable,
    FailSignIn,
    LetLockEnd,
    Open,
    OpenSession,
    Reset,
    RevokeSession,
    RevokeSessions,
    Unlock,
)

Status = Literal["", "invited", "active", "locked", "disabled"]

INVITED_FOR = timedelta(days=7)
FAILURES, WITHIN = 5, timedelta(minutes=15)
LOCKED_FOR = timedelta(minutes=15)
SESSIONS, SESSION_LASTS = 10, timedelta(hours=12)
REMEMBERED = timedelta(seconds=2 * ACCESS_SECONDS)
"""A revoked session is told for so long: no token made for it is good any more then."""


@dataclass(frozen=True, slots=True)
class Session:
    id: UUID
    opened_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Revoked:
    session: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """`status` is empty while there is no such account. `sessions`: those that are open, the oldest
    first. `failures`: wrong passwords and codes that still count."""

    id: UUID
    status: Status = ""
    person_ref: UUID | None = None
    founder: bool = False
    second_factor: bool = True
    invited_until: datetime | None = None
    activated: bool = False
    totp_step: int = 0
    failures: tuple[datetime, ...] = ()
    locked_until: datetime | None = None
    disabled_by: UUID | None = None
    sessions: tuple[Session, ...] = ()
    revoked: tuple[Revoked, ...] = ()

    def session(self, id: UUID) -> Session | None:
        """None where it is not open."""
        return next((one for one in self.sessions if one.id == id), None)


LEGAL: Mapping[Status, Mapping[type[Any], str]] = {
    "invited": {Activate: "activate_account", Reset: "reset_account", Disable: "disable_account"},
    "active": {
        ChangePassword: "change_password",
        Reset: "reset_account",
        Disable: "disable_account",
    },
    "locked": {Unlock: "unlock_account", Reset: "reset_account", Disable: "disable_account"},
    "disabled": {Enable: "enable_account"},
}
"""Which steps each state takes, and their names for people. What is done at the door, and the end
of sessions, is no step: it is answered in any state."""


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
        case RevokeSession(at, session, ending):
            return _revoke(account, at, ending, filter(None, [account.session(session)]))
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
            ended = _revoke(account, at, "disabled", account.sessions)
            return [*ended, _event(_after(account, ended), AccountDisabled, at, by=by)]
        case Enable():
            return [_enabled(account, command)]
        case Reset():
            return _reset(account, command)
        case ChangePassword():
            return _change_password(account, command)
        case (
            Open() | OpenSession() | FailSignIn() | LetLockEnd() | RevokeSession()
            | RevokeSessions()
        ):  # fmt: skip
            raise AssertionError("decided before")
        case _:
            assert_never(command)


def _open(account: Account, command: Open) -> list[AccountEvent]:
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
    """The oldest make room. A code that was taken before is none."""
    proved = not account.second_factor or command.totp_step > account.totp_step
    if account.status != "active" or not proved:
        raise unauthorised()
    room = SESSIONS - 1
    crowded = account.sessions[:-room] if len(account.sessions) > room else ()
    ended = _revoke(account, command.at, "too_many", crowded)
    told = {
        "session_id": command.session,
        "ends_at": command.at + SESSION_LASTS,
        "totp_step": max(account.totp_step, command.totp_step),
    }
    return [*ended, _event(_after(account, ended), SessionOpened, command.at, **told)]


def _fail(account: Account, at: datetime) -> list[AccountEvent]:
    if account.status != "active":
        return []
    failures = (*(one for one in account.failures if one > at - WITHIN), at)
    failed = _event(account, SignInFailed, at, failures=failures)
    if len(failures) < FAILURES:
        return [failed]
    return [failed, _event(account, AccountLocked, at, locked_until=at + LOCKED_FOR)]


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


def evolve(account: Account, event: AccountEvent) -> Account:
    account = replace(account, revoked=_revoked(account, event))
    match event:
        case AccountOpened():
            names = ("person_ref", "founder", "second_factor", "invited_until")
            kept = {name: getattr(event, name) for name in names}
            return replace(account, status="invited", **kept)
        case AccountActivated(second_factor=second_factor, totp_step=step):
            account = replace(account, status="active", activated=True, invited_until=None)
            return replace(account, second_factor=second_factor, totp_step=step)
        case SignInFailed(failures=failures):
            return replace(account, failures=failures)
        case AccountLocked(locked_until=until):
            return replace(account, status="locked", locked_until=until, failures=())
        case AccountUnlocked():
            return replace(account, status="active", locked_until=None)
        case AccountDisabled(by=by):
            account = replace(account, failures=(), locked_until=None, invited_until=None)
            return replace(account, status="disabled", disabled_by=by)
        case AccountEnabled(invited_until=until):
            status: Status = "active" if until is None else "invited"
            return replace(account, status=status, invited_until=until, disabled_by=None)
        case AccountReset(invited_until=until):
            account = replace(account, failures=(), locked_until=None, activated=False)
            return replace(account, status="invited", invited_until=until)
        case PasswordChanged():
            return replace(account, failures=())
        case SessionOpened(session_id=id, at=at, ends_at=ends_at, totp_step=step):
            sessions = (*account.sessions, Session(id, at, ends_at))
            return replace(account, sessions=sessions, totp_step=step, failures=())
        case SessionRevoked(session_id=id):
            return replace(account, sessions=tuple(s for s in account.sessions if s.id != id))
    return account


def _revoked(account: Account, event: AccountEvent) -> tuple[Revoked, ...]:
    """Those that the event names, each with the time of its end."""
    known = {one.session: one for one in account.revoked}
    if isinstance(event, SessionRevoked):
        known[event.session_id] = Revoked(event.session_id, event.at)
    return tuple(known[id] for id in event.revoked_sessions)


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
        PasswordChanged,
        SessionOpened,
        SessionRevoked,
    ),
)
