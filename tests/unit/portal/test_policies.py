"""Who gets an account, and what time does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from libs.city import City, Holder
from libs.common.contracts.portal import (
    AccountLocked,
    AccountUnlocked,
    SessionOpened,
    SessionRevoked,
)
from libs.common.messages import CancelTimer, Context, Due, Instruction, Refused, SetTimer
from services.portal import policies
from services.portal.domain import ACCOUNT, SIGN_IN_NAME, commands
from services.portal.domain.sign_in_name import Claim, Release, SignInName, decide, evolve

NOW = datetime(2026, 11, 24, tzinfo=UTC)
NAME, PERSON, ID, SESSION = UUID(int=5), UUID(int=6), UUID(int=7), UUID(int=8)
NOBODY = cast(Any, None)
SEAT = Holder(PERSON, "post", "grid_informant", "cell", None)


def context(*seats: Holder) -> Context[City]:
    """A city in which everybody holds these posts."""
    city = cast(City, SimpleNamespace(seats=lambda person, at: seats))
    return Context(city, NOW, 0)


CONTEXT = context()
TOLD: dict[str, Any] = {"account_id": ID, "at": NOW, "disabled": False, "revoked_sessions": ()}


def asked(**more: Any) -> policies.Asked:
    told = {"name": NAME, "person": PERSON, "founder": False, "second_factor": True}
    return policies.Asked(**{**told, "invitation_hash": "hash", **more})


def test_an_account_is_opened_together_with_its_name() -> None:
    account, name = policies.open_account(asked(), CONTEXT)
    assert isinstance(account, Instruction) and isinstance(name, Instruction)
    assert (account.decider, name.decider) == (ACCOUNT, SIGN_IN_NAME)
    assert (account.id, name.id) == (asked().account, NAME)
    assert name.command == Claim(NOW, account.id)


def test_a_founder_is_disabled_while_another_stays() -> None:
    gone, stays = policies.disable_account(ID, UUID(int=1), UUID(int=2), 3, CONTEXT)
    assert gone == ACCOUNT.to(ID, commands.Disable(NOW, UUID(int=1), UUID(int=2)), expected=3)
    assert stays == ACCOUNT.to(UUID(int=2), commands.Succeed())
    assert len(list(policies.disable_account(ID, UUID(int=1), None, None, CONTEXT))) == 1


def test_the_account_of_a_person_is_the_same_whatever_the_name() -> None:
    assert asked(name=UUID(int=1)).account == asked(name=UUID(int=2)).account
    founders = {asked(name=UUID(int=n), person=None, founder=True).account for n in (1, 2)}
    assert len(founders | {asked().account}) == 3


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"founder": True}, "/person_ref"),
        ({"person": None}, "/person_ref"),
        ({"founder": True, "person": None, "second_factor": False}, "/second_factor"),
    ],
)
def test_founders_have_no_person_and_a_second_factor(more: dict[str, Any], path: str) -> None:
    with pytest.raises(Refused) as refused:
        list(policies.open_account(asked(**more), CONTEXT))
    assert (refused.value.status, refused.value.path) == (422, path)


def test_every_post_but_that_of_an_informant_asks_for_a_second_factor() -> None:
    plain = asked(second_factor=False)
    assert list(policies.open_account(plain, context(SEAT)))
    officer = replace(SEAT, role="community_officer")
    with pytest.raises(Refused, match="second_factor_needed"):
        list(policies.open_account(plain, context(SEAT, officer)))
    assert list(policies.open_account(asked(), context(officer)))


def test_a_name_belongs_to_one_account() -> None:
    name = SignInName(NAME, ID)
    assert decide(name, Claim(NOW, ID)) == []
    with pytest.raises(Refused, match="name_taken"):
        decide(name, Claim(NOW, UUID(int=1)))


def test_a_name_that_was_claimed_for_the_wrong_account_is_free_again() -> None:
    name = SignInName(NAME, ID)
    with pytest.raises(Refused, match="not_found"):
        decide(name, Release(NOW, UUID(int=1)))
    (released,) = decide(name, Release(NOW, ID))
    assert decide(evolve(name, released), Claim(NOW, UUID(int=1)))


def test_a_lock_has_a_timer_and_an_unlocked_account_none() -> None:
    locked = AccountLocked(**TOLD, locked_until=NOW)
    assert list(policies.on_locked(locked, NOBODY)) == [SetTimer("lock", ID, NOW)]
    unlocked = AccountUnlocked(**TOLD, by=None)
    assert list(policies.on_lock_ended(unlocked, NOBODY)) == [CancelTimer("lock", ID)]
    (ended,) = policies.lock_is_over(Due("lock", ID, NOW, {}), NOBODY)
    assert ended == ACCOUNT.to(ID, commands.LetLockEnd(NOW))


def test_a_session_has_a_timer_until_it_ends() -> None:
    opened = SessionOpened(**TOLD, session_id=SESSION, ends_at=NOW, totp_step=0)
    (timer,) = policies.on_session_opened(opened, NOBODY)
    assert isinstance(timer, SetTimer)
    (ended,) = policies.session_is_over(Due("session", timer.id, NOW, timer.data), NOBODY)
    assert ended == ACCOUNT.to(ID, commands.RevokeSession(NOW, SESSION, "timed_out"))
    revoked = SessionRevoked(**TOLD, session_id=SESSION, ending="timed_out")
    assert list(policies.on_session_revoked(revoked, NOBODY)) == [CancelTimer("session", SESSION)]
