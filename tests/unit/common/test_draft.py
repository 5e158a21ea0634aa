"""A batch: what of it must be loaded, and what later work of it sees of earlier."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from libs.common.draft import Draft, Planned, Rules
from libs.common.ids import named, uuid7
from libs.common.journal import Loaded
from libs.common.messages import CancelTimer, Cause, Context, Effect, Envelope, SetTimer, Wait
from libs.common.work import Dead, Done, Fired, Handled, Letter, Message, Waiting, Work
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


def drafted(loaded: Loaded, *batch: tuple[Work, Planned]) -> Draft:
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


SUBJECT = named("subject")
SOON, LATER = NOW + timedelta(seconds=1), NOW + timedelta(minutes=5)
LETTER = Letter("civicgrid.leads", 0, 0, 0, b"", (), b"")


def message(version: int, subject: UUID = SUBJECT, source: str = "/test") -> Work:
    event = shop.Listed(good="tea")
    envelope = Envelope(event, uuid7(), source, subject, version, "", NOW, CAUSE)
    told = Message(envelope.id, envelope.source)
    return Work(lambda _: [], CAUSE, message=told, envelope=envelope, letter=LETTER)


def again(work: Work) -> Work:
    due = Fired("wait", work.message.id if work.message else TIMER, NOW)
    return replace(work, fired=due, takes_over=True)


def test_what_comes_after_a_message_that_waits_waits_for_it() -> None:
    """And is tried when that is tried; what is about something else does not wait."""
    early, late, other = message(3), message(5), message(5, named("other"))
    draft = drafted(Loaded(NOW, 0), (early, Wait("a fact")), (late, []), (other, []))
    assert isinstance(late.result, Waiting)
    assert isinstance(other.result, Done)
    due = [timer.due_at for timer, _ in draft.changes.timers.values() if timer]
    assert due == [SOON, SOON]


def test_what_waits_by_what_was_stored_before_is_waited_for() -> None:
    waiting = {("/test", SUBJECT): {3: LATER}}
    late, first = message(5), message(2)
    draft = drafted(Loaded(NOW, 0, waiting=waiting), (late, []), (first, []))
    assert isinstance(late.result, Waiting)
    assert isinstance(first.result, Done)
    assert [timer.due_at for timer, _ in draft.changes.timers.values() if timer] == [LATER]


@pytest.mark.parametrize("end", [(), Dead("waited", "a fact")], ids=["applied", "dead"])
def test_what_waited_goes_on_in_its_order_once_the_first_is_done_with(
    end: tuple[()] | Dead,
) -> None:
    early, late = again(message(3)), again(message(5))
    fired = {work.fired for work in (early, late) if work.fired}
    waiting = {("/test", SUBJECT): {3: NOW, 5: NOW}}
    early.dead = end or None
    drafted(Loaded(NOW, 0, fired=fired, waiting=waiting), (early, []), (late, []))
    assert isinstance(early.result, Dead if end else Done)
    assert isinstance(late.result, Done)


def test_what_another_service_tells_of_the_same_thing_has_an_order_of_its_own() -> None:
    """A lead waits; its erasure does not, nor does it let what comes after the lead go first."""
    early, late = message(3), message(5)
    erased, other = message(4, source="/other"), message(3, source="/other")
    first = (early, Wait("a fact"))
    draft = drafted(Loaded(NOW, 0), first, (erased, ()), (other, ()), (late, ()))
    assert isinstance(erased.result, Done)
    assert isinstance(late.result, Waiting)
    assert len(draft.changes.timers) == 2
