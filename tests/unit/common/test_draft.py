"""A batch: what of it must be loaded, and what later work of it sees of earlier."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.common.callers import EVERYTHING, Scope
from libs.common.draft import Draft, Planned, Rules
from libs.common.ids import named, uuid7
from libs.common.journal import FirstAnswer, Loaded, Stream
from libs.common.messages import (
    CancelTimer,
    Cause,
    Context,
    Effect,
    Envelope,
    Instruction,
    Refused,
    SetTimer,
    Wait,
)
from libs.common.work import (
    Answered,
    Dead,
    Done,
    Fired,
    Handled,
    Letter,
    Message,
    Request,
    Waiting,
    Work,
)
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


TILL = named("till of a replay")
NOWHERE = Scope(belongings={"cell": frozenset({"elsewhere"})})
"""In which no till is: what belongs to nothing is for who sees everything alone."""


def asking(
    actor: str = "a", *, route: str = "POST /sales", digest: bytes = b"d", scope: Scope = EVERYTHING
) -> Work:
    said: dict[str, Any] = {
        "status": 201,
        "answer": lambda events: {"id": "1"},
        "scope": scope,
        "is_told": True,
    }
    return Work(lambda _: [], CAUSE, request=Request(f"{actor} {route}", "k", digest, **said))


def selling() -> list[Instruction]:
    return [shop.TILL.to(TILL, shop.Sell("tea", 1))]


def before(request: Request | None) -> Loaded:
    """As that request left it, whose till is there."""
    assert request
    state = shop.TILL.blank(TILL)
    first = FirstAnswer(request.digest.hex(), request.scope.digest.hex(), 201, {"id": "1"})
    return Loaded(
        NOW,
        0,
        streams={("till", TILL): Stream(shop.TILL, TILL, state, 1, 1, None)},
        requests={(request.source, request.key): first},
        told={request.key: [(request.source, request.digest.hex())]},
    )


@pytest.mark.parametrize("is_stored", [True, False], ids=["stored", "in the same batch"])
def test_the_same_under_the_key_of_another_account_is_not_there(is_stored: bool) -> None:
    mine, theirs, other = asking("a"), asking("b"), asking("b", digest=b"e")
    elsewhere = asking("b", route="POST /tills")
    for work in (theirs, other, elsewhere):
        if is_stored:
            drafted(before(mine.request), (work, []))
        else:
            drafted(Loaded(NOW, 0), (asking("a"), []), (work, []))
    assert isinstance(theirs.result, Refused)
    assert (theirs.result.code, theirs.result.status) == ("not_found", 404)
    for work in (other, elsewhere):
        assert isinstance(work.result, Answered) and work.result.first


def test_a_first_answer_is_given_again_in_its_scope_whatever_came_of_the_thing() -> None:
    for scope in (NOWHERE, EVERYTHING):
        work = asking(scope=scope)
        drafted(before(work.request), (work, selling()))
        assert isinstance(work.result, Answered) and not work.result.first


def test_a_first_answer_is_not_given_in_another_scope_that_does_not_hold_the_thing() -> None:
    first, now = asking(), asking(scope=NOWHERE)
    draft = drafted(before(first.request), (now, selling()))
    assert isinstance(now.result, Refused) and now.result.status == 404
    assert not draft.changes.streams
    wider, still = asking(scope=NOWHERE), asking()
    drafted(before(wider.request), (still, selling()))
    assert isinstance(still.result, Answered) and not still.result.first
