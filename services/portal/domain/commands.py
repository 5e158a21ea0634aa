"""What can be asked of an account. `at` is the business time of the step; `by` an account."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from libs.common.contracts.portal import Ending


@dataclass(frozen=True, slots=True)
class Open:
    at: datetime
    person: UUID | None
    founder: bool
    second_factor: bool
    invitation_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Activate:
    """The invitation was shown. `totp_step`: of the code that proved the secret; 0 where there is
    no second factor. `proofs`: of the account whose invitation it was; see `Account`."""

    at: datetime
    proofs: int
    password_hash: str = field(repr=False)
    totp_secret: str | None = field(default=None, repr=False)
    totp_step: int = 0


@dataclass(frozen=True, slots=True)
class FailSignIn:
    at: datetime


@dataclass(frozen=True, slots=True)
class OpenSession:
    """The password was right, and so was the code of `totp_step`, if there was one; or a provider
    vouches for both. `proofs`: of the account whose password it was; see `Account`."""

    at: datetime
    proofs: int
    session: UUID
    totp_step: int = 0
    device: UUID | None = None
    vouched: bool = False


@dataclass(frozen=True, slots=True)
class RevokeSession:
    at: datetime
    session: UUID
    ending: Ending


@dataclass(frozen=True, slots=True)
class RevokeSessions:
    at: datetime


@dataclass(frozen=True, slots=True)
class LeaveDevice:
    """All sessions on it end; `session`: the one that it was registered by."""

    at: datetime
    device: UUID
    session: UUID


@dataclass(frozen=True, slots=True)
class Unlock:
    at: datetime
    by: UUID


@dataclass(frozen=True, slots=True)
class LetLockEnd:
    """Its time is over; no answer where it was unlocked meanwhile."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Disable:
    """`successor`: of a founder, another who is in office, and is told to `Succeed` besides."""

    at: datetime
    by: UUID
    successor: UUID | None = None


@dataclass(frozen=True, slots=True)
class Succeed:
    """Another founder goes: this one must be in office."""


@dataclass(frozen=True, slots=True)
class LetGo:
    """What it held was erased, and with it what it is proved by; no answer where there is none."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Enable:
    """`invitation_hash`: of one that is good if the account was never activated."""

    at: datetime
    by: UUID
    invitation_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reset:
    """Whoever lost a password or a phone is invited anew."""

    at: datetime
    by: UUID
    invitation_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bind:
    """Its owner signs in at a provider, as a subject that is its name from now on."""

    at: datetime
    by: UUID


@dataclass(frozen=True, slots=True)
class ChangePassword:
    """All sessions end but the one that asks. The secret of codes is kept beside the password.
    `proofs`: of the account whose old password was shown; see `Account`."""

    at: datetime
    proofs: int
    session: UUID
    password_hash: str = field(repr=False)
    totp_secret: str | None = field(repr=False)


Command = (
    Open
    | Activate
    | FailSignIn
    | OpenSession
    | RevokeSession
    | RevokeSessions
    | LeaveDevice
    | Unlock
    | LetLockEnd
    | Disable
    | Succeed
    | LetGo
    | Enable
    | Reset
    | Bind
    | ChangePassword
)
