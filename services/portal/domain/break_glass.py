"""Short access to one record or one area: asked for, approved by another, ended, reviewed (rows P6,
W25). States and transitions: portal.md, section 1.

All `by` are persons. An emergency is granted at once, and approved by another within a day. By
then its minutes are long over: what falls overdue is who answers for it, not the sight.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias, assert_never
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.callers import Belongings
from libs.common.contracts.portal import (
    BreakGlassApprovalFellOverdue,
    BreakGlassApproved,
    BreakGlassEnded,
    BreakGlassFinding,
    BreakGlassGranted,
    BreakGlassReason,
    BreakGlassRefused,
    BreakGlassRequested,
    BreakGlassReviewed,
    BreakGlassReviewFellOverdue,
)
from libs.common.messages import Decider, Refused

GrantStatus = Literal["requested", "granted", "refused", "ended", "reviewed"]
Status = Literal["", GrantStatus]
BreakGlassEvent: TypeAlias = (
    BreakGlassRequested
    | BreakGlassGranted
    | BreakGlassApproved
    | BreakGlassRefused
    | BreakGlassEnded
    | BreakGlassReviewed
    | BreakGlassApprovalFellOverdue
    | BreakGlassReviewFellOverdue
)

MOST_MINUTES = 30
APPROVED_WITHIN = timedelta(hours=24)
REVIEWED_WITHIN = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """`status` is empty while nobody asked. `approved_by`: None while nobody has."""

    id: UUID
    status: Status = ""
    person_ref: UUID | None = None
    place: str | None = None
    community: str | None = None
    given_by: tuple[str, ...] = ()
    record: UUID | None = None
    area: str | None = None
    reason: BreakGlassReason | None = None
    case_id: UUID | None = None
    minutes: int = 0
    emergency: bool = False
    requested_at: datetime | None = None
    granted_at: datetime | None = None
    approved_by: UUID | None = None
    ends_at: datetime | None = None
    ended_at: datetime | None = None
    review_due_at: datetime | None = None
    finding: BreakGlassFinding | None = None
    approval_overdue: bool = False
    review_overdue: bool = False

    @property
    def is_owed(self) -> bool:
        """An emergency that another must still approve."""
        return self.emergency and self.approved_by is None


@dataclass(frozen=True, slots=True)
class RequestAccess:
    at: datetime
    person: UUID
    place: str
    community: str | None
    given_by: tuple[str, ...]
    record: UUID | None
    area: str | None
    reason: BreakGlassReason
    text: str = field(repr=False)
    case_id: UUID
    minutes: int
    emergency: bool


@dataclass(frozen=True, slots=True)
class ApproveAccess:
    """`over`: the areas of the posts of who approves."""

    at: datetime
    by: UUID
    over: frozenset[str]


@dataclass(frozen=True, slots=True)
class RefuseAccess:
    at: datetime
    by: UUID


@dataclass(frozen=True, slots=True)
class EndAccess:
    at: datetime
    by: UUID


@dataclass(frozen=True, slots=True)
class LetAccessEnd:
    """Its time is over; no answer where it ended before."""

    at: datetime


@dataclass(frozen=True, slots=True)
class FallOverdue:
    """A limit is over; no answer where nothing is owed, or it was told before."""

    at: datetime


@dataclass(frozen=True, slots=True)
class ReviewAccess:
    at: datetime
    by: UUID
    finding: BreakGlassFinding
    note: str = field(repr=False)


Step = RequestAccess | ApproveAccess | RefuseAccess | EndAccess | ReviewAccess
Command = Step | LetAccessEnd | FallOverdue

LEGAL: Mapping[Status, Mapping[type[Any], str]] = {
    "": {RequestAccess: "request_access"},
    "requested": {ApproveAccess: "approve_access", RefuseAccess: "refuse_access"},
    "granted": {EndAccess: "end_access"},
    "refused": {},
    "ended": {ReviewAccess: "review_access"},
    "reviewed": {},
}
"""Besides: an emergency is approved in any state from granted to ended."""


def decide(glass: BreakGlass, command: Command) -> list[BreakGlassEvent]:
    if isinstance(command, LetAccessEnd):
        is_over = glass.status == "granted" and glass.ends_at and glass.ends_at <= command.at
        return [_ended(glass, command.at, None)] if is_over else []
    if isinstance(command, FallOverdue):
        return _overdue(glass, command.at)
    if not glass.status and not isinstance(command, RequestAccess):
        raise Refused("not_found", status=404)
    legal = dict(LEGAL[glass.status])
    if glass.is_owed and glass.status in ("granted", "ended"):
        legal[ApproveAccess] = "approve_access"
    if type(command) not in legal:
        raise Refused("illegal_transition", allowed=tuple(sorted(legal.values())))
    return _step(glass, command)


def _step(glass: BreakGlass, command: Step) -> list[BreakGlassEvent]:
    match command:
        case RequestAccess():
            return _requested(glass, command)
        case ApproveAccess():
            return [_approved(glass, command)]
        case RefuseAccess(at, by):
            _check_other(glass, by)
            return [BreakGlassRefused(grant_id=glass.id, at=at, by=by)]
        case EndAccess(at, by):
            return [_ended(glass, at, by)]
        case ReviewAccess():
            return [_reviewed(glass, command)]
        case _:
            assert_never(command)


def _overdue(glass: BreakGlass, at: datetime) -> list[BreakGlassEvent]:
    is_open = glass.is_owed and glass.status in ("granted", "ended")
    if is_open and not glass.approval_overdue and at >= approval_due(glass):
        return [BreakGlassApprovalFellOverdue(grant_id=glass.id, at=at)]
    due = glass.review_due_at if glass.status == "ended" else None
    if due and not glass.review_overdue and at >= due:
        return [BreakGlassReviewFellOverdue(grant_id=glass.id, at=at)]
    return []


def _check_other(glass: BreakGlass, by: UUID) -> None:
    if by == glass.person_ref:
        raise Refused("own_request")


def _requested(glass: BreakGlass, command: RequestAccess) -> list[BreakGlassEvent]:
    requested = BreakGlassRequested(
        grant_id=glass.id,
        at=command.at,
        person_ref=command.person,
        place=command.place,
        community=command.community,
        given_by=command.given_by,
        record=command.record,
        area=command.area,
        reason=command.reason,
        case_id=command.case_id,
        minutes=command.minutes,
        emergency=command.emergency,
        text=command.text,
    )
    if not command.emergency:
        return [requested]
    return [requested, _granted(evolve(glass, requested), command.at, None)]


def _approved(glass: BreakGlass, command: ApproveAccess) -> BreakGlassGranted | BreakGlassApproved:
    """Nobody gives what they do not have, and nothing is approved a day late."""
    _check_other(glass, command.by)
    if command.over.isdisjoint(glass.given_by):
        raise Refused("not_found", status=404)
    assert glass.person_ref
    if command.at >= approval_due(glass):
        raise Refused("approval_too_late")
    if glass.status == "requested":
        return _granted(glass, command.at, command.by)
    person = glass.person_ref
    return BreakGlassApproved(grant_id=glass.id, at=command.at, person_ref=person, by=command.by)


def approval_due(glass: BreakGlass) -> datetime:
    """From when on nobody approves it any more."""
    assert glass.requested_at
    return glass.requested_at + APPROVED_WITHIN


def _granted(glass: BreakGlass, at: datetime, by: UUID | None) -> BreakGlassGranted:
    assert glass.person_ref
    return BreakGlassGranted(
        grant_id=glass.id,
        at=at,
        person_ref=glass.person_ref,
        record=glass.record,
        area=glass.area,
        ends_at=at + timedelta(minutes=glass.minutes),
        by=by,
    )


def _ended(glass: BreakGlass, at: datetime, by: UUID | None) -> BreakGlassEnded:
    assert glass.person_ref and glass.granted_at and glass.ends_at
    return BreakGlassEnded(
        grant_id=glass.id,
        at=glass.granted_at,
        person_ref=glass.person_ref,
        record=glass.record,
        area=glass.area,
        ends_at=glass.ends_at,
        by=glass.approved_by,
        ended_at=at,
        ended_by=by,
        review_due_at=at + REVIEWED_WITHIN,
    )


def _reviewed(glass: BreakGlass, command: ReviewAccess) -> BreakGlassReviewed:
    """By neither of the two who are reviewed."""
    if command.by in (glass.person_ref, glass.approved_by):
        raise Refused("own_request")
    assert glass.person_ref
    return BreakGlassReviewed(
        grant_id=glass.id,
        at=command.at,
        person_ref=glass.person_ref,
        by=command.by,
        finding=command.finding,
        note=command.note,
    )


_ASKED = (
    *("person_ref", "place", "community", "given_by", "record", "area", "reason", "case_id"),
    *("minutes", "emergency"),
)


def evolve(glass: BreakGlass, event: BreakGlassEvent) -> BreakGlass:
    match event:
        case BreakGlassRequested(at=at):
            kept = {name: getattr(event, name) for name in _ASKED}
            return replace(glass, status="requested", requested_at=at, **kept)
        case BreakGlassEnded(ended_at=at, review_due_at=due):
            return replace(glass, status="ended", ended_at=at, review_due_at=due)
        case BreakGlassGranted(at=at, ends_at=ends_at, by=by):
            glass = replace(glass, status="granted", granted_at=at, ends_at=ends_at)
            return replace(glass, approved_by=by)
        case BreakGlassApproved(by=by):
            return replace(glass, approved_by=by)
        case BreakGlassRefused():
            return replace(glass, status="refused")
        case BreakGlassReviewed(finding=finding):
            return replace(glass, status="reviewed", finding=finding)
        case BreakGlassApprovalFellOverdue():
            return replace(glass, approval_overdue=True)
        case BreakGlassReviewFellOverdue():
            return replace(glass, review_overdue=True)
    return glass


def _belongs(glass: BreakGlass) -> Belongings:
    """To who asked, and to where their post is: the desks above it decide."""
    person = str(glass.person_ref) if glass.person_ref else None
    return {"person": (person,), "cell": (glass.place,), "community": (glass.community,)}


BREAK_GLASS: Decider[BreakGlass, Command, BreakGlassEvent] = Decider(
    name="break_glass",
    blank=BreakGlass,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(BreakGlass),
    events=(
        BreakGlassRequested,
        BreakGlassGranted,
        BreakGlassApproved,
        BreakGlassRefused,
        BreakGlassEnded,
        BreakGlassReviewed,
        BreakGlassApprovalFellOverdue,
        BreakGlassReviewFellOverdue,
    ),
    shape=2,
    belongs=_belongs,
)
