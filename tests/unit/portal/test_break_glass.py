"""The states of a break-glass grant: the steps of its table, by another person, in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.common.contracts.portal import (
    BreakGlassApprovalFellOverdue,
    BreakGlassApproved,
    BreakGlassEnded,
    BreakGlassGranted,
    BreakGlassReviewed,
    BreakGlassReviewFellOverdue,
)
from libs.common.messages import CancelTimer, Context, Due, Instruction, Refused, SetTimer
from services.portal import access
from services.portal.domain import GRANTEE
from services.portal.domain import break_glass as glass
from services.portal.domain import grantee as holder
from services.portal.domain.break_glass import (
    APPROVED_WITHIN,
    REVIEWED_WITHIN,
    BreakGlass,
    Status,
    decide,
    evolve,
)
from services.portal.domain.grantee import Grantee
from tests.unit.city.cities import city_of

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ID, CASE, LEAD, OTHER = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)
ADA, BO, CY = UUID(int=11), UUID(int=12), UUID(int=13)
OVER = frozenset({"town"})
NOBODY: Any = None
A_MOMENT = timedelta(microseconds=1)

REQUEST = glass.RequestAccess(
    at=NOW,
    person=ADA,
    place="cell",
    community="community",
    given_by=("cell", "community", "town", "city"),
    record=None,
    area="cell",
    reason="missing_person",
    text="a planted reason",
    case_id=CASE,
    minutes=20,
    emergency=False,
)
EMERGENCY = replace(REQUEST, emergency=True)
APPROVE = glass.ApproveAccess(NOW, BO, OVER)
END = glass.EndAccess(NOW, ADA)
REVIEW = glass.ReviewAccess(NOW, CY, "in_order", "a planted note")
STEPS: dict[str, Any] = {
    "request_access": REQUEST,
    "approve_access": APPROVE,
    "refuse_access": glass.RefuseAccess(NOW, BO),
    "end_access": END,
    "review_access": REVIEW,
}
IN: dict[Status, tuple[glass.Command, ...]] = {
    "": (),
    "requested": (REQUEST,),
    "granted": (REQUEST, APPROVE),
    "refused": (REQUEST, STEPS["refuse_access"]),
    "ended": (REQUEST, APPROVE, END),
    "reviewed": (REQUEST, APPROVE, END, REVIEW),
}
AFTER: dict[tuple[str, str], str] = {
    ("", "request_access"): "requested",
    ("requested", "approve_access"): "granted",
    ("requested", "refuse_access"): "refused",
    ("granted", "end_access"): "ended",
    ("ended", "review_access"): "reviewed",
}
"""The table of portal.md."""


def told(*steps: glass.Command) -> BreakGlass:
    state = BreakGlass(ID)
    for step in steps:
        for event in decide(state, step):
            state = evolve(state, event)
    return state


def refused(state: BreakGlass, step: glass.Command) -> Refused:
    with pytest.raises(Refused) as refusal:
        decide(state, step)
    return refusal.value


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("status", IN)
def test_each_state_takes_the_steps_of_its_table_and_no_other(status: Status, name: str) -> None:
    state = told(*IN[status])
    assert state.status == status
    if (status, name) in AFTER:
        assert told(*IN[status], STEPS[name]).status == AFTER[status, name]
    elif not status:
        assert refused(state, STEPS[name]).status == 404
    else:
        refusal = refused(state, STEPS[name])
        assert (refusal.code, refusal.status) == ("illegal_transition", 409)
        assert set(refusal.allowed) == {step for state_, step in AFTER if state_ == status}


@pytest.mark.parametrize(
    "step", [glass.ApproveAccess(NOW, ADA, OVER), glass.RefuseAccess(NOW, ADA)]
)
def test_nobody_decides_about_their_own_request(step: glass.Command) -> None:
    assert refused(told(REQUEST), step).code == "own_request"


def test_nobody_gives_what_they_do_not_have() -> None:
    elsewhere = glass.ApproveAccess(NOW, BO, frozenset({"other town"}))
    assert refused(told(REQUEST), elsewhere).status == 404


def test_a_request_is_approved_within_a_day() -> None:
    late = replace(APPROVE, at=NOW + APPROVED_WITHIN)
    for asked in (REQUEST, EMERGENCY):
        assert refused(told(asked), late).code == "approval_too_late"
        assert decide(told(asked), replace(late, at=late.at - A_MOMENT))


def test_a_grant_lasts_from_its_approval_for_the_minutes_that_were_asked_for() -> None:
    later = NOW + timedelta(hours=2)
    state = told(REQUEST, replace(APPROVE, at=later))
    assert state.ends_at == later + timedelta(minutes=20)


def test_time_ends_a_grant_once() -> None:
    state = told(*IN["granted"])
    assert state.ends_at
    assert decide(state, glass.LetAccessEnd(state.ends_at - timedelta(seconds=1))) == []
    (ended,) = decide(state, glass.LetAccessEnd(state.ends_at))
    assert isinstance(ended, BreakGlassEnded) and ended.ended_by is None
    assert ended.review_due_at == state.ends_at + REVIEWED_WITHIN
    assert decide(evolve(state, ended), glass.LetAccessEnd(state.ends_at)) == []


@pytest.mark.parametrize("before", [(EMERGENCY,), (EMERGENCY, END)], ids=["granted", "ended"])
def test_an_emergency_is_granted_at_once_and_approved_once_by_another(
    before: tuple[glass.Command, ...],
) -> None:
    state = told(*before)
    assert state.ends_at == NOW + timedelta(minutes=20) and state.is_owed
    assert refused(state, replace(APPROVE, by=ADA)).code == "own_request"
    (approved,) = decide(state, APPROVE)
    assert isinstance(approved, BreakGlassApproved)
    state = evolve(state, approved)
    assert (state.is_owed, state.status) == (False, told(*before).status)
    assert refused(state, APPROVE).code == "illegal_transition"


def test_neither_who_asked_nor_who_approved_reviews() -> None:
    for by in (ADA, BO):
        assert refused(told(*IN["ended"]), replace(REVIEW, by=by)).code == "own_request"


def test_no_words_are_published_or_written_out() -> None:
    state = BreakGlass(ID)
    for step in (REQUEST, APPROVE, END, REVIEW):
        assert "planted" not in repr(step)
        for event in decide(state, step):
            assert "planted" not in event.model_dump_json(exclude=set(event.sealed))
            state = evolve(state, event)
    assert "planted" not in repr(state)


@pytest.mark.parametrize("before", [(EMERGENCY,), (EMERGENCY, END)], ids=["granted", "ended"])
def test_an_emergency_that_nobody_approved_within_a_day_falls_overdue_once(
    before: tuple[glass.Command, ...],
) -> None:
    state, at = told(*before), NOW + APPROVED_WITHIN
    assert decide(state, glass.FallOverdue(at - A_MOMENT)) == []
    overdue = decide(state, glass.FallOverdue(at))
    assert overdue == [BreakGlassApprovalFellOverdue(grant_id=ID, at=at)]
    state = evolve(state, overdue[0])
    assert state.approval_overdue and decide(state, glass.FallOverdue(at)) == []
    assert refused(state, replace(APPROVE, at=at)).code == "approval_too_late"


def test_a_grant_that_nobody_reviewed_falls_overdue_once_and_is_reviewed_still() -> None:
    state, at = told(*IN["ended"]), NOW + REVIEWED_WITHIN
    assert decide(state, glass.FallOverdue(at - A_MOMENT)) == []
    overdue = decide(state, glass.FallOverdue(at))
    assert overdue == [BreakGlassReviewFellOverdue(grant_id=ID, at=at)]
    state = evolve(state, overdue[0])
    assert state.review_overdue and decide(state, glass.FallOverdue(at)) == []
    (reviewed,) = decide(state, replace(REVIEW, at=at))
    assert evolve(state, reviewed).status == "reviewed"


@pytest.mark.parametrize("status", ["", "requested", "refused", "reviewed"])
def test_nothing_else_falls_overdue(status: Status) -> None:
    assert decide(told(*IN[status]), glass.FallOverdue(NOW + 2 * REVIEWED_WITHIN)) == []
    approved = told(EMERGENCY, APPROVE)
    assert decide(approved, glass.FallOverdue(NOW + APPROVED_WITHIN)) == []
    reviewed = told(EMERGENCY, END, REVIEW)
    assert decide(reviewed, glass.FallOverdue(NOW + APPROVED_WITHIN)) == []


def test_a_person_has_one_grant_at_a_time_and_owes_one_approval_at_most() -> None:
    def after(*steps: holder.Command) -> Grantee:
        state = Grantee(ADA)
        for step in steps:
            for event in holder.decide(state, step):
                state = holder.evolve(state, event)
        return state

    taken = after(holder.Take(ID, is_emergency=True))
    with pytest.raises(Refused, match="access_open"):
        holder.decide(taken, holder.Take(OTHER, is_emergency=False))
    left = after(holder.Take(ID, is_emergency=True), holder.Leave(ID))
    with pytest.raises(Refused, match="approval_owed"):
        holder.decide(left, holder.Take(OTHER, is_emergency=True))
    assert holder.decide(left, holder.Take(OTHER, is_emergency=False))
    settled = after(holder.Take(ID, is_emergency=True), holder.Leave(ID), holder.Settle(ID))
    assert settled == Grantee(ADA)
    for step in (holder.Leave(ID), holder.Settle(ID)):
        assert holder.decide(settled, step) == []


def test_a_grant_has_a_timer_until_it_ends() -> None:
    state = told(REQUEST)
    (granted,) = decide(state, APPROVE)
    assert isinstance(granted, BreakGlassGranted)
    taken, timer = access.on_granted(granted, NOBODY)
    assert taken == GRANTEE.to(ADA, holder.Take(ID, is_emergency=False))
    assert timer == SetTimer("break_glass", ID, granted.ends_at)
    (let,) = access.access_is_over(Due("break_glass", ID, granted.ends_at, {}), NOBODY)
    assert isinstance(let, Instruction) and let.command == glass.LetAccessEnd(granted.ends_at)
    (ended,) = decide(evolve(state, granted), END)
    assert isinstance(ended, BreakGlassEnded)
    then = tuple(access.on_ended(ended, NOBODY))
    assert CancelTimer("break_glass", ID) in then
    assert SetTimer("break_glass_review", ID, ended.review_due_at) in then


def test_limits_have_timers_until_it_is_approved_and_reviewed() -> None:
    _, granted = decide(BreakGlass(ID), EMERGENCY)
    assert isinstance(granted, BreakGlassGranted)
    due = SetTimer("break_glass_approval", ID, NOW + APPROVED_WITHIN)
    assert due in tuple(access.on_granted(granted, NOBODY))
    (approved,) = decide(told(EMERGENCY), APPROVE)
    assert isinstance(approved, BreakGlassApproved)
    assert CancelTimer("break_glass_approval", ID) in tuple(access.on_approved(approved, NOBODY))
    (reviewed,) = decide(told(EMERGENCY, END), REVIEW)
    assert isinstance(reviewed, BreakGlassReviewed)
    then = tuple(access.on_reviewed(reviewed, NOBODY))
    for name in ("break_glass_approval", "break_glass_review"):
        assert CancelTimer(name, ID) in then
        (late,) = access.limit_is_over(Due(name, ID, NOW, {}), NOBODY)
        assert late.command == glass.FallOverdue(NOW)


def test_whose_post_has_just_ended_asks_for_nothing() -> None:
    """They had it when the request was let in."""
    asked = access.Asked(
        ADA, frozenset({"post"}), LEAD, None, "danger_to_life", "why", CASE, 10, False
    )
    with pytest.raises(Refused) as refused:
        list(access.request_access(ID, asked, Context(city_of(), NOW, 0)))
    assert (refused.value.code, refused.value.status) == ("role_not_allowed", 403)
