"""What the portal publishes on `civicgrid.portal`: no name, no address, no hash of a password."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from libs.common.messages import Event

Ending = Literal["signed_out", "revoked", "timed_out", "too_many", "disabled", "password_changed"]
"""A reset account's sessions are `revoked`."""


class AccountEvent(Event):
    """What every service must refuse stands in every event, as it is from then on: all of a
    `disabled` account, and `revoked_sessions`. A session is named there for as long as a token
    that was made for it can still be good."""

    account_id: UUID
    at: datetime
    disabled: bool
    revoked_sessions: tuple[UUID, ...]


class AccountOpened(AccountEvent):
    type: ClassVar[str] = "account.opened.v1"
    sealed: ClassVar[frozenset[str]] = frozenset({"invitation_hash"})
    person_ref: UUID | None
    """None: a founder, who runs the system and need not be known to the registry."""
    founder: bool
    second_factor: bool
    invited_until: datetime
    invitation_hash: str | None = None


class AccountActivated(AccountEvent):
    type: ClassVar[str] = "account.activated.v1"
    sealed: ClassVar[frozenset[str]] = frozenset({"password_hash", "totp_secret"})
    second_factor: bool
    totp_step: int
    """The half minute whose code was taken; none before it is taken again."""
    password_hash: str | None = None
    totp_secret: str | None = None


class SignInFailed(AccountEvent):
    type: ClassVar[str] = "account.sign_in_failed.v1"
    failures: tuple[datetime, ...]
    """This one and those before it that still count."""


class AccountLocked(AccountEvent):
    type: ClassVar[str] = "account.locked.v1"
    locked_until: datetime


class AccountUnlocked(AccountEvent):
    type: ClassVar[str] = "account.unlocked.v1"
    by: UUID | None
    """The account of who did it; None: time."""


class AccountDisabled(AccountEvent):
    type: ClassVar[str] = "account.disabled.v1"
    by: UUID


class AccountEnabled(AccountEvent):
    """Whoever never activated it is invited again: `invited_until`."""

    type: ClassVar[str] = "account.enabled.v1"
    sealed: ClassVar[frozenset[str]] = frozenset({"invitation_hash"})
    by: UUID
    invited_until: datetime | None
    invitation_hash: str | None = None


class AccountReset(AccountEvent):
    """Its owner lost what they prove themselves by, and is invited anew; all sessions ended."""

    type: ClassVar[str] = "account.reset.v1"
    sealed: ClassVar[frozenset[str]] = frozenset({"invitation_hash"})
    by: UUID
    invited_until: datetime
    invitation_hash: str | None = None


class PasswordChanged(AccountEvent):
    type: ClassVar[str] = "account.password_changed.v1"
    sealed: ClassVar[frozenset[str]] = frozenset({"password_hash", "totp_secret"})
    password_hash: str | None = None
    totp_secret: str | None = None


class SessionOpened(AccountEvent):
    type: ClassVar[str] = "session.opened.v1"
    session_id: UUID
    ends_at: datetime
    totp_step: int


class SessionRevoked(AccountEvent):
    type: ClassVar[str] = "session.revoked.v1"
    session_id: UUID
    ending: Ending


class SignInNameClaimed(Event):
    """Of a name that is nowhere written: its id tells it to nobody without the city's key."""

    type: ClassVar[str] = "sign_in_name.claimed.v1"
    account_id: UUID
    at: datetime
