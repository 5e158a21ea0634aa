"""An account and its sessions, as they are; what it is asked for is in `account_steps`.

What it is proved by, the password, the secret of codes and the invitation, is sealed in its events
and in no state: commands say that the proof was right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

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
    PasswordChanged,
    SessionOpened,
    SessionRevoked,
    SignInFailed,
)
from libs.rights.tokens import ACCESS_SECONDS

AccountStatus = Literal["invited", "active", "locked", "disabled"]
Status = Literal["", AccountStatus]

IN_OFFICE: tuple[Status, ...] = ("active", "locked")
INVITED_FOR = timedelta(days=7)
FAILURES, WITHIN = 5, timedelta(minutes=15)
LOCKED_FOR = timedelta(minutes=15)
SESSIONS, SESSION_LASTS = 10, timedelta(hours=12)
REMEMBERED = timedelta(seconds=2 * ACCESS_SECONDS)
"""A revoked session is told for so long: no token made for it is good any more then."""


PROVING = (
    AccountOpened,
    AccountActivated,
    AccountEnabled,
    AccountReset,
    AccountBound,
    PasswordChanged,
)


@dataclass(frozen=True, slots=True)
class Session:
    id: UUID
    opened_at: datetime
    ends_at: datetime
    device: UUID | None = None


@dataclass(frozen=True, slots=True)
class Revoked:
    session: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """`status` is empty while there is no such account. `sessions`: those that are open, the oldest
    first. `failures`: wrong passwords and codes that still count. `proofs`: how often that became
    another by which its owner is known."""

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
    proofs: int = 0

    @property
    def in_office(self) -> bool:
        """A founder who can sign in, or can again when a lock ends."""
        return self.founder and self.status in IN_OFFICE

    def session(self, id: UUID) -> Session | None:
        """None where it is not open."""
        return next((one for one in self.sessions if one.id == id), None)


def evolve(account: Account, event: AccountEvent) -> Account:
    proofs = account.proofs + isinstance(event, PROVING)
    account = replace(account, revoked=_revoked(account, event), proofs=proofs)
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
        case AccountBound() if account.status == "invited":
            return replace(account, status="active", activated=True, invited_until=None)
        case AccountEnabled(invited_until=until):
            status: Status = "active" if until is None else "invited"
            return replace(account, status=status, invited_until=until, disabled_by=None)
        case AccountReset(invited_until=until):
            account = replace(account, failures=(), locked_until=None, activated=False)
            return replace(account, status="invited", invited_until=until)
        case PasswordChanged():
            return replace(account, failures=())
        case SessionOpened(session_id=id, at=at, totp_step=step):
            sessions = (*account.sessions, Session(id, at, event.ends_at, event.device_id))
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
