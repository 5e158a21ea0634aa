"""What can be asked of a lead. `at` is the business time of the step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.contracts.leads import Channel, Kind, Urgency
from services.leads.domain.routing import Routing, Unrouted


@dataclass(frozen=True, slots=True)
class Capture:
    """`community` and `cell` as far as the place is known; `text`, `reporter` and `point` are
    sealed. `closed_at` and `cancelled`: how its history ended, if it was taken over."""

    at: datetime
    lead_type: str
    kind: Kind
    urgency: Urgency
    channel: Channel
    source: str
    received_at: datetime
    community: str | None = None
    cell: str | None = None
    source_number: str | None = None
    captured_by: UUID | None = None
    clock_skew: bool = False
    candidates: tuple[str, ...] = ()
    area_hint: str | None = None
    due_at: datetime | None = None
    imported: bool = False
    closed_at: datetime | None = None
    cancelled: bool = False
    text: str | None = None
    reporter: dict[str, Any] | None = None
    point: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class File:
    at: datetime


@dataclass(frozen=True, slots=True)
class Route:
    """`to` was found by rule, or by a person, who then overrides, and says why in `note`."""

    at: datetime
    to: Routing | Unrouted
    overridden: bool = False
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Sign:
    at: datetime


@dataclass(frozen=True, slots=True)
class Accept:
    at: datetime


@dataclass(frozen=True, slots=True)
class Return:
    at: datetime
    reason: str
    proposed_unit: str | None


@dataclass(frozen=True, slots=True)
class Arbitrate:
    at: datetime
    unit: str
    note: str
    sign_by: datetime | None


@dataclass(frozen=True, slots=True)
class FeedBack:
    at: datetime
    outcome: str


@dataclass(frozen=True, slots=True)
class Verify:
    at: datetime


@dataclass(frozen=True, slots=True)
class OrderRework:
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Close:
    at: datetime


@dataclass(frozen=True, slots=True)
class Dismiss:
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class FeedBackFromCase:
    """What became of its mediation case; no answer where the lead has moved on meanwhile."""

    at: datetime
    outcome: str


@dataclass(frozen=True, slots=True)
class ReturnFromCase:
    """The centre declined the case; no answer where the lead is no longer with that centre."""

    at: datetime
    reason: str
    centre: str


@dataclass(frozen=True, slots=True)
class RecordEnding:
    """The end that a history from elsewhere has; no answer where it has none yet."""


Step = (
    File
    | Route
    | Sign
    | Accept
    | Return
    | Arbitrate
    | FeedBack
    | Verify
    | OrderRework
    | Close
    | Dismiss
)
"""What only certain states take."""

Command = Step | Capture | FeedBackFromCase | ReturnFromCase | RecordEnding
