"""What can be asked of a case. `at` is the business time of the step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.contracts.mediation import Grade, Track


@dataclass(frozen=True, slots=True)
class Apply:
    """`director`: the community officer in post; None while the post is empty (row M1)."""

    at: datetime
    centre: str
    community: str | None
    cell: str | None
    lead_id: UUID | None
    number: str
    director: UUID | None
    track: Track = "people"


@dataclass(frozen=True, slots=True)
class Decline:
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Accept:
    at: datetime
    grade: Grade
    due_at: datetime


@dataclass(frozen=True, slots=True)
class FormPanel:
    """`consents`: every party's, by a reference that means nothing outside this case. `children`:
    those of them who are under 14, each with who acts for them, None where nobody does."""

    at: datetime
    mediators: tuple[UUID, ...]
    consents: tuple[UUID, ...]
    children: tuple[tuple[UUID, UUID | None], ...] = ()


@dataclass(frozen=True, slots=True)
class HoldSession:
    at: datetime
    minutes: int


@dataclass(frozen=True, slots=True)
class Agree:
    at: datetime


@dataclass(frozen=True, slots=True)
class Fail:
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    at: datetime


@dataclass(frozen=True, slots=True)
class RecordPerformance:
    at: datetime


@dataclass(frozen=True, slots=True)
class Close:
    at: datetime


@dataclass(frozen=True, slots=True)
class FallOverdue:
    """Its month is over; no answer where it was settled meanwhile (row M21)."""

    at: datetime


Command = (
    Apply
    | Decline
    | Accept
    | FormPanel
    | HoldSession
    | Agree
    | Fail
    | Withdraw
    | RecordPerformance
    | Close
    | FallOverdue
)
