"""What a lead holds: given how its review stands, when time passes or somebody asks, then."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from libs.common import erasures
from libs.common.contracts.leads import Ended, RetentionDeleted, RetentionEvent, RetentionFellDue
from libs.common.erasures import ERASURE
from libs.common.messages import Context, Due, Instruction, Refused, SetTimer
from services.leads.domain.retention import (
    DELETED_AFTER,
    Command,
    FallDue,
    Keep,
    Pass,
    RetentionReview,
    decide,
    evolve,
)
from services.leads.reviews import POLICIES, TIMERS

NOW = datetime(2031, 5, 4, 9, tzinfo=UTC)
LEAD, SUBJECTS = UUID(int=7), (UUID(int=7), UUID(int=8))
ENDED_AT = datetime(2026, 5, 3, 10, 30, 0, 123456, tzinfo=UTC)
LONGEST: Mapping[Ended, timedelta] = {
    "closed": timedelta(days=1825),
    "dismissed": timedelta(days=365),
}
DUE = FallDue(NOW, LEAD, "c", "c-1", "closed", ENDED_AT)


def told(review: RetentionReview, *commands: Command) -> RetentionReview:
    for command in commands:
        for event in decide(review, command):
            review = evolve(review, event)
    return review


def keep(days: float, at: datetime = NOW) -> Keep:
    return Keep(at, at + timedelta(days=days), "court_case", LONGEST)


def test_once_its_period_is_over_a_month_is_left() -> None:
    (event,) = decide(RetentionReview(UUID(int=1)), DUE)
    assert isinstance(event, RetentionFellDue)
    assert event.delete_at == NOW + timedelta(days=30)
    review = evolve(RetentionReview(UUID(int=1)), event)
    assert decide(review, DUE) == []
    assert decide(review, Pass(event.delete_at - timedelta(seconds=1), SUBJECTS)) == []
    (gone,) = decide(review, Pass(event.delete_at, SUBJECTS))
    assert isinstance(gone, RetentionDeleted) and gone.subjects == SUBJECTS


def test_what_is_kept_falls_due_again_and_is_not_kept_twice() -> None:
    review = told(RetentionReview(UUID(int=1)), DUE, keep(100))
    assert review.status == "kept"
    assert decide(review, Pass(NOW + DELETED_AFTER, SUBJECTS)) == []
    again = NOW + timedelta(days=100)
    (event,) = decide(review, Pass(again, SUBJECTS))
    assert isinstance(event, RetentionFellDue) and event.ended_at == ENDED_AT
    review = evolve(review, event)
    with pytest.raises(Refused) as refused:
        decide(review, keep(10, again))
    assert (refused.value.code, refused.value.status) == ("kept_before", 409)
    assert told(review, Pass(again + DELETED_AFTER, SUBJECTS)).status == "deleted"


@pytest.mark.parametrize("days", [-1, 0, 1826])
def test_it_is_kept_until_a_time_that_its_kind_allows(days: float) -> None:
    with pytest.raises(Refused) as refused:
        decide(told(RetentionReview(UUID(int=1)), DUE), keep(days))
    assert (refused.value.status, refused.value.path) == (422, "/until")


def test_what_is_not_due_cannot_be_kept() -> None:
    with pytest.raises(Refused) as refused:
        decide(RetentionReview(UUID(int=1)), keep(10))
    assert refused.value.status == 404
    gone = told(RetentionReview(UUID(int=1)), DUE, Pass(NOW + DELETED_AFTER, SUBJECTS))
    with pytest.raises(Refused) as refused:
        decide(gone, keep(10))
    assert refused.value.code == "illegal_transition"


def test_keys_go_only_once_it_is_stored_that_they_do() -> None:
    """given: its month is over; when: that is decided; then: nothing of it destroys a key, for the
    writer may have to decide again; a timer does, in a batch of its own."""
    review = told(RetentionReview(UUID(int=1)), DUE)
    (gone,) = decide(review, Pass(NOW + DELETED_AFTER, SUBJECTS))
    context: Context[Any] = Context(None, NOW + DELETED_AFTER, 1)
    (timer,) = POLICIES[RetentionDeleted](gone, context)
    assert isinstance(timer, SetTimer) and timer.due_at == context.now
    due = Due(timer.name, timer.id, timer.due_at, timer.data)
    (instruction,) = TIMERS[timer.name](due, context)
    assert isinstance(instruction, Instruction) and instruction.decider is ERASURE
    (confirmed,) = erasures.decide(ERASURE.blank(instruction.id), instruction.command)
    assert tuple(confirmed.erases) == SUBJECTS


class Reviewing(RuleBasedStateMachine):
    """Time goes on; somebody keeps it when they like; what passed is noticed sooner or later."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.review = NOW, RetentionReview(UUID(int=1))
        self.said: list[RetentionEvent] = []

    def _take(self, command: Command) -> None:
        try:
            events = decide(self.review, command)
        except Refused:
            return
        for event in events:
            self.review = evolve(self.review, event)
            self.said.append(event)

    @rule(days=st.floats(0, 400))
    def wait(self, days: float) -> None:
        self.now += timedelta(days=days)

    @rule()
    def notice(self) -> None:
        self._take(FallDue(self.now, LEAD, "c", "c-1", "closed", ENDED_AT))

    @rule()
    def pass_(self) -> None:
        self._take(Pass(self.now, SUBJECTS))

    @rule(days=st.floats(-10, 2000))
    def keep(self, days: float) -> None:
        self._take(keep(days, self.now))

    @invariant()
    def it_is_kept_once_and_deleted_after_a_month_of_warning(self) -> None:
        kinds = [event.type.split(".")[1] for event in self.said]
        assert kinds in (
            [],
            ["fell_due"],
            ["fell_due", "deleted"],
            ["fell_due", "kept"],
            ["fell_due", "kept", "fell_due"],
            ["fell_due", "kept", "fell_due", "deleted"],
        )
        if kinds[-1:] == ["deleted"]:
            due, gone = self.said[-2:]
            assert gone.at >= due.at + DELETED_AFTER


TestReviewing = Reviewing.TestCase
TestReviewing.settings = settings(max_examples=200, stateful_step_count=30)
