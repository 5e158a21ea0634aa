"""What the portal publishes on `civicgrid.portal`: no name, no address, no hash of a password."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from libs.common.contracts.values import Code
from libs.common.messages import Event

Ending = Literal["signed_out", "revoked", "timed_out", "too_many", "disabled", "password_changed"]
"""A reset account's sessions are `revoked`."""
BreakGlassReason = Literal[
    "danger_to_life", "missing_person", "crime_in_progress", "disaster", "legal_order"
]
BreakGlassFinding = Literal["in_order", "not_in_order"]


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


class AccountBound(AccountEvent):
    """Its owner may sign in at the city's provider of OpenID Connect; an invitation is not needed
    any more."""

    type: ClassVar[str] = "account.bound.v1"
    by: UUID


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
    device_id: UUID | None = None


class SessionRevoked(AccountEvent):
    type: ClassVar[str] = "session.revoked.v1"
    session_id: UUID
    ending: Ending


class DeviceRegistered(Event):
    """By who is signed in on it, by that session."""

    type: ClassVar[str] = "device.registered.v1"
    device_id: UUID
    account_id: UUID
    session_id: UUID
    at: datetime


class DeviceSignedIn(Event):
    """A session began on it: never at the same moment as its end."""

    type: ClassVar[str] = "device.signed_in.v1"
    device_id: UUID
    account_id: UUID
    session_id: UUID
    at: datetime


class DeviceRevoked(DeviceRegistered):
    """The device as it was registered, and when that ended: its sessions end with it."""

    type: ClassVar[str] = "device.revoked.v1"
    revoked_at: datetime
    by: UUID


class SignInNameClaimed(Event):
    """Of a name that is nowhere written: its id tells it to nobody without the city's key."""

    type: ClassVar[str] = "sign_in_name.claimed.v1"
    account_id: UUID
    at: datetime


class BreakGlassRequested(Event):
    """A person asks to see one record, or one area, for a short time (row P6). `place`: the area of
    their highest post; `given_by`: areas whose desk may approve."""

    type: ClassVar[str] = "break_glass.requested.v1"
    sealed: ClassVar[frozenset[str]] = frozenset({"text"})
    grant_id: UUID
    at: datetime
    person_ref: UUID
    place: Code
    community: Code | None
    given_by: tuple[Code, ...]
    record: UUID | None
    area: Code | None
    reason: BreakGlassReason
    case_id: UUID
    minutes: int
    emergency: bool
    text: str | None = None


class BreakGlassGranted(Event):
    """From `at` until `ends_at` every service lets this person see it. `by`: the person who
    approved; None: an emergency, which another approves within 24 hours."""

    type: ClassVar[str] = "break_glass.granted.v1"
    grant_id: UUID
    at: datetime
    person_ref: UUID
    record: UUID | None
    area: Code | None
    ends_at: datetime
    by: UUID | None


class BreakGlassApproved(Event):
    """An emergency, once it was granted."""

    type: ClassVar[str] = "break_glass.approved.v1"
    grant_id: UUID
    at: datetime
    person_ref: UUID
    by: UUID


class BreakGlassRefused(Event):
    type: ClassVar[str] = "break_glass.refused.v1"
    grant_id: UUID
    at: datetime
    by: UUID


class BreakGlassEnded(BreakGlassGranted):
    """The whole grant as it was, and when it ended. `ended_by`: a person; None: time."""

    type: ClassVar[str] = "break_glass.ended.v1"
    ended_at: datetime
    ended_by: UUID | None
    review_due_at: datetime


class BreakGlassReviewed(Event):
    type: ClassVar[str] = "break_glass.reviewed.v1"
    sealed: ClassVar[frozenset[str]] = frozenset({"note"})
    grant_id: UUID
    at: datetime
    person_ref: UUID
    by: UUID
    finding: BreakGlassFinding
    note: str | None = None


class BreakGlassApprovalFellOverdue(Event):
    """An emergency that nobody approved within a day; nobody can any more, it waits for review."""

    type: ClassVar[str] = "break_glass.approval_fell_overdue.v1"
    grant_id: UUID
    at: datetime


class BreakGlassReviewFellOverdue(Event):
    """Nobody reviewed it within three days of its end; it still waits for review."""

    type: ClassVar[str] = "break_glass.review_fell_overdue.v1"
    grant_id: UUID
    at: datetime


class GranteeTook(Event):
    """A person has one grant at a time. `owed`: it is an emergency that nobody approved yet."""

    type: ClassVar[str] = "grantee.took.v1"
    grant_id: UUID
    owed: bool


class GranteeLeft(Event):
    type: ClassVar[str] = "grantee.left.v1"
    grant_id: UUID


class GranteeSettled(Event):
    """The emergency was approved, or reviewed without that."""

    type: ClassVar[str] = "grantee.settled.v1"
    grant_id: UUID


class SignInNameReleased(SignInNameClaimed):
    """It was that account's until then."""

    type: ClassVar[str] = "sign_in_name.released.v1"
