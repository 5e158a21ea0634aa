"""What follows from a break-glass request: who may give it, when it ends, that there is but one,
and when somebody must have approved and reviewed it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from libs.city import City
from libs.city.tree import Holder
from libs.common.contracts.portal import (
    BreakGlassApproved,
    BreakGlassEnded,
    BreakGlassGranted,
    BreakGlassReason,
    BreakGlassReviewed,
)
from libs.common.messages import (
    CancelTimer,
    Context,
    Due,
    Effect,
    Instruction,
    Policies,
    Refused,
    SetTimer,
    Timers,
)
from services.portal.domain import BREAK_GLASS, GRANTEE
from services.portal.domain.break_glass import (
    APPROVED_WITHIN,
    ApproveAccess,
    FallOverdue,
    LetAccessEnd,
    RequestAccess,
)
from services.portal.domain.grantee import Leave, Settle, Take

END, APPROVAL, REVIEW = "break_glass", "break_glass_approval", "break_glass_review"

Now = Context[City]


@dataclass(frozen=True, slots=True)
class Asked:
    """`posts`: by which they ask. One of `record` and `area` is None."""

    person: UUID
    posts: frozenset[str]
    record: UUID | None
    area: str | None
    reason: BreakGlassReason
    text: str
    case_id: UUID
    minutes: int
    emergency: bool


def request_access(id: UUID, asked: Asked, now: Now) -> Iterable[Effect]:
    place = _highest(_seats(asked.person, asked.posts, now), now.facts)
    command = RequestAccess(
        at=now.now,
        person=asked.person,
        place=place,
        community=now.facts.community_of(place),
        given_by=_given_by(asked.area, now),
        record=asked.record,
        area=asked.area,
        reason=asked.reason,
        text=asked.text,
        case_id=asked.case_id,
        minutes=asked.minutes,
        emergency=asked.emergency,
    )
    yield BREAK_GLASS.to(id, command)


def _seats(person: UUID, posts: frozenset[str], now: Now) -> Iterator[Holder]:
    """Of their posts those that give the right: another of theirs may be over more."""
    return (seat for seat in now.facts.seats(person, now.now) if seat.post in posts)


def _highest(seats: Iterable[Holder], city: City) -> str:
    """The area of the post that is nearest to the top. Refused where the last has just ended."""
    areas = sorted((seat.area for seat in seats), key=lambda area: (len(city.chain(area)), area))
    if not areas:
        raise Refused("role_not_allowed", status=403)
    return areas[0]


def _given_by(area: str | None, now: Now) -> tuple[str, ...]:
    """Of an area, whoever has it in theirs. Where a record is, only the city's desk need not know:
    it sees all."""
    city = now.facts
    if area is None:
        return (city.root.code,) if city.root else ()
    known = city.area(area)
    if known is None or not known.in_force(now.now):
        raise Refused("area_unknown", status=422, path="/area")
    if known.community is None:
        raise Refused("area_too_wide", status=422, path="/area")
    return city.chain(area)


def approve_access(
    id: UUID, person: UUID, posts: frozenset[str], version: int | None, now: Now
) -> Iterable[Effect]:
    over = frozenset(seat.area for seat in _seats(person, posts, now))
    yield BREAK_GLASS.to(id, ApproveAccess(now.now, person, over), expected=version)


def on_granted(event: BreakGlassGranted, context: Now) -> Iterable[Effect]:
    yield GRANTEE.to(event.person_ref, Take(event.grant_id, is_emergency=event.by is None))
    yield SetTimer(END, event.grant_id, event.ends_at)
    if event.by is None:
        yield SetTimer(APPROVAL, event.grant_id, event.at + APPROVED_WITHIN)


def on_ended(event: BreakGlassEnded, context: Now) -> Iterable[Effect]:
    yield GRANTEE.to(event.person_ref, Leave(event.grant_id))
    yield CancelTimer(END, event.grant_id)
    yield SetTimer(REVIEW, event.grant_id, event.review_due_at)


def on_approved(event: BreakGlassApproved, context: Now) -> Iterable[Effect]:
    yield GRANTEE.to(event.person_ref, Settle(event.grant_id))
    yield CancelTimer(APPROVAL, event.grant_id)


def on_reviewed(event: BreakGlassReviewed, context: Now) -> Iterable[Effect]:
    """An emergency that nobody approved is settled by it, too."""
    yield GRANTEE.to(event.person_ref, Settle(event.grant_id))
    for name in (APPROVAL, REVIEW):
        yield CancelTimer(name, event.grant_id)


def access_is_over(due: Due, context: Now) -> Iterable[Instruction]:
    yield BREAK_GLASS.to(due.id, LetAccessEnd(due.due_at))


def limit_is_over(due: Due, context: Now) -> Iterable[Instruction]:
    yield BREAK_GLASS.to(due.id, FallOverdue(due.due_at))


POLICIES: Policies = {
    BreakGlassGranted: on_granted,
    BreakGlassEnded: on_ended,
    BreakGlassApproved: on_approved,
    BreakGlassReviewed: on_reviewed,
}
TIMERS: Timers = {END: access_is_over, APPROVAL: limit_is_over, REVIEW: limit_is_over}
