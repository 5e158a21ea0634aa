"""Whether what a lead holds goes when its time is over, or is kept once more (rows P8 and P24)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.callers import Belongings
from libs.common.contracts.leads import (
    Ended,
    RetentionDeleted,
    RetentionEvent,
    RetentionFellDue,
    RetentionKept,
)
from libs.common.ids import derived
from libs.common.messages import Decider, Refused

OpenStatus = Literal["due", "kept"]
Status = Literal["", OpenStatus, "deleted"]

DELETED_AFTER = timedelta(days=30)
"""Of falling due, unless somebody keeps it (row P8)."""


@dataclass(frozen=True, slots=True)
class RetentionReview:
    """`ended`: how the lead did. `passes_at`: when it is deleted (`due`), or falls due again
    (`kept`)."""

    id: UUID
    status: Status = ""
    record: UUID | None = None
    community: str | None = None
    cell: str | None = None
    ended: Ended | None = None
    ended_at: datetime | None = None
    passes_at: datetime | None = None
    was_kept: bool = False


@dataclass(frozen=True, slots=True)
class FallDue:
    at: datetime
    record: UUID
    community: str | None
    cell: str | None
    ended: Ended
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Keep:
    """`longest`: for which a lead that ended so may be kept."""

    at: datetime
    until: datetime
    reason: str
    longest: Mapping[Ended, timedelta]


@dataclass(frozen=True, slots=True)
class Pass:
    """Its time is over; no answer where it was changed meanwhile. `subjects`: whose keys go."""

    at: datetime
    subjects: tuple[UUID, ...]


Command = FallDue | Keep | Pass

LEGAL: Mapping[Status, tuple[str, ...]] = {"": (), "due": ("keep",), "kept": (), "deleted": ()}


def review_of(lead: UUID) -> UUID:
    """The id of the review of a lead."""
    return derived(lead, "retention")


def decide(review: RetentionReview, command: Command) -> list[RetentionEvent]:
    match command:
        case FallDue():
            told = {name: getattr(command, name) for name in FallDue.__slots__}
            delete_at = command.at + DELETED_AFTER
            due = RetentionFellDue(review_id=review.id, delete_at=delete_at, **told)
            return [] if review.status else [due]
        case Keep():
            return [_kept(review, command)]
        case Pass(at, subjects):
            is_over = review.passes_at is not None and at >= review.passes_at
            return [_passed(review, at, subjects)] if is_over else []


def _kept(review: RetentionReview, command: Keep) -> RetentionKept:
    """Once, and not for longer than its kind may be kept."""
    if not review.status:
        raise Refused("not_found", status=404)
    if review.was_kept:
        raise Refused("kept_before")
    if review.status != "due":
        raise Refused("illegal_transition", allowed=LEGAL[review.status])
    assert review.ended
    longest = command.longest[review.ended]
    if not command.at < command.until <= command.at + longest:
        raise Refused("beyond_limit", status=422, path="/until", days=longest.days)
    now = _now(review, command.at)
    return RetentionKept(**now, until=command.until, reason=command.reason)


def _passed(review: RetentionReview, at: datetime, subjects: tuple[UUID, ...]) -> RetentionEvent:
    now = _now(review, at)
    if review.status == "due":
        return RetentionDeleted(**now, subjects=subjects)
    now |= {"ended": review.ended, "ended_at": review.ended_at}
    return RetentionFellDue(**now, delete_at=at + DELETED_AFTER)


def _now(review: RetentionReview, at: datetime) -> dict[str, Any]:
    where = {"record": review.record, "community": review.community, "cell": review.cell}
    return {"review_id": review.id, "at": at, **where}


def evolve(review: RetentionReview, event: RetentionEvent) -> RetentionReview:
    match event:
        case RetentionFellDue():
            return replace(
                review,
                status="due",
                record=event.record,
                community=event.community,
                cell=event.cell,
                ended=event.ended,
                ended_at=event.ended_at,
                passes_at=event.delete_at,
            )
        case RetentionKept(until=until):
            return replace(review, status="kept", passes_at=until, was_kept=True)
        case RetentionDeleted():
            return replace(review, status="deleted", passes_at=None)
    return review


def _belongs(review: RetentionReview) -> Belongings:
    return {"community": (review.community,), "cell": (review.cell,)}


RETENTION_REVIEW: Decider[RetentionReview, Command, RetentionEvent] = Decider(
    name="retention_review",
    blank=RetentionReview,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(RetentionReview),
    events=(RetentionFellDue, RetentionKept, RetentionDeleted),
    belongs=_belongs,
)
