"""A batch: what of it must be loaded, and what later work of it sees of earlier."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from libs.common.draft import Draft, Rules
from libs.common.ids import named, uuid7
from libs.common.journal import Loaded
from libs.common.messages import CancelTimer, Cause, Context, Effect, SetTimer
from libs.common.work import Done, Fired, Handled, Work
from tests.support import shop

NOW = datetime(2026, 1, 5, tzinfo=UTC)
TIMER = named("timer")
CAUSE = Cause("test", "c", uuid7(), "test")


def test_all_that_one_work_addresses_is_missed_at_once() -> None:
    plan = [shop.GOOD.to(named(f"good {n}"), shop.ListGood(f"good {n}")) for n in range(50)]
    work = Work(lambda _: plan, CAUSE)
    draft = Draft(Rules("/test", "test", {}, {}), Loaded(NOW, 0), Context(None, NOW, 0))
    draft.take(work, plan)
    assert len(draft.missing) == 50
    assert work.result is None


def drafted(loaded: Loaded, *batch: tuple[Work, list[Effect]]) -> Draft:
    draft = Draft(Rules("/test", "test", {}, {}), loaded, Context(None, NOW, 0))
    for work, effects in batch:
        draft.take(work, effects)
    return draft


def test_a_timer_that_stands_is_fired_once() -> None:
    due = Fired("check", TIMER, NOW)
    first, again = (Work(lambda _: [], CAUSE, fired=due) for _ in range(2))
    drafted(Loaded(NOW, 0, fired={due}), (first, []), (again, []))
    assert isinstance(first.result, Done)
    assert isinstance(again.result, Handled)


@pytest.mark.parametrize(
    "change",
    [CancelTimer("check", TIMER), SetTimer("check", TIMER, NOW + timedelta(days=1), {})],
    ids=["taken away", "set anew"],
)
def test_a_timer_is_not_fired_once_the_work_before_has_changed_it(change: Effect) -> None:
    """A unit signed; its card of supervision, due in the same batch, must not be issued."""
    due = Fired("check", TIMER, NOW)
    signs, fires = Work(lambda _: [], CAUSE), Work(lambda _: [], CAUSE, fired=due)
    draft = drafted(Loaded(NOW, 0, fired={due}), (signs, [change]), (fires, []))
    assert isinstance(fires.result, Handled)
    assert not draft.changes.fired
