"""The states of an account: exactly the steps of its table are taken, all else names them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.common.contracts.portal import (
    AccountDisabled,
    AccountEvent,
    AccountLocked,
    SessionOpened,
    SessionRevoked,
    SignInFailed,
)
from libs.common.messages import Refused
from services.portal.domain import commands
from services.portal.domain.account import (
    FAILURES,
    INVITED_FOR,
    LOCKED_FOR,
    REMEMBERED,
    SESSION_LASTS,
    SESSIONS,
    WITHIN,
    Account,
    Status,
    evolve,
)
from services.portal.domain.account_steps import LEGAL, decide

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ID, PERSON, SESSION = UUID(int=7), UUID(int=8), UUID(int=9)
ADA, BO = UUID(int=1), UUID(int=2)
SHOWN = -1
"""The proofs that the account has when the step is taken."""
OPEN = commands.Open(NOW, PERSON, False, True, "hash")
OPEN_PLAIN = commands.Open(NOW, PERSON, False, False, "hash")
ACTIVATE = commands.Activate(NOW, SHOWN, "hash", "secret", 10)
ACTIVATE_PLAIN = commands.Activate(NOW, SHOWN, "hash")
FAIL = commands.FailSignIn(NOW)
STEPS: dict[str, Any] = {
    "activate_account": ACTIVATE,
    "change_password": commands.ChangePassword(NOW, SHOWN, SESSION, "hash", "secret"),
    "unlock_account": commands.Unlock(NOW, ADA),
    "disable_account": commands.Disable(NOW, ADA),
    "enable_account": commands.Enable(NOW, BO, "hash"),
    "reset_account": commands.Reset(NOW, ADA, "hash"),
    "bind_subject": commands.Bind(NOW, ADA),
}
SIGN_IN = commands.OpenSession(NOW, SHOWN, SESSION, 11)
IN: dict[Status, tuple[commands.Command, ...]] = {
    "invited": (OPEN,),
    "active": (OPEN, ACTIVATE, SIGN_IN),
    "locked": (OPEN, ACTIVATE, *[FAIL] * FAILURES),
    "disabled": (OPEN, ACTIVATE, STEPS["disable_account"]),
}
AFTER: dict[tuple[str, str], str] = {
    ("invited", "activate_account"): "active",
    ("invited", "reset_account"): "invited",
    ("invited", "bind_subject"): "active",
    ("invited", "disable_account"): "disabled",
    ("active", "change_password"): "active",
    ("active", "reset_account"): "invited",
    ("active", "disable_account"): "disabled",
    ("locked", "unlock_account"): "active",
    ("locked", "reset_account"): "invited",
    ("locked", "disable_account"): "disabled",
    ("disabled", "enable_account"): "active",
}
"""The table of portal.md, and the reset and the binding to a provider that it does not know."""


def told(*steps: commands.Command, account: Account | None = None) -> Account:
    account = account or Account(ID)
    for step in steps:
        for event in taken(account, step):
            account = evolve(account, event)
    return account


def taken(account: Account, step: Any) -> list[AccountEvent]:
    if getattr(step, "proofs", None) == SHOWN:
        step = replace(step, proofs=account.proofs)
    return decide(account, step)


def refused(account: Account, step: commands.Command) -> Refused:
    with pytest.raises(Refused) as refusal:
        taken(account, step)
    return refusal.value


def sign_in(n: int = 0, at: datetime = NOW, step: int = 0) -> commands.OpenSession:
    return commands.OpenSession(at, SHOWN, UUID(int=100 + n), step)


@pytest.mark.parametrize("status", IN)
@pytest.mark.parametrize("name", STEPS)
def test_exactly_the_legal_steps_are_taken(status: Status, name: str) -> None:
    account = told(*IN[status])
    assert account.status == status
    if (status, name) in AFTER:
        assert told(STEPS[name], account=account).status == AFTER[status, name]
        return
    refusal = refused(account, STEPS[name])
    assert (refusal.code, refusal.status) == ("illegal_transition", 409)
    assert set(refusal.allowed) == {step for state, step in AFTER if state == status}


def test_the_table_of_steps_is_that_of_the_requirements() -> None:
    assert {(status, name) for status in LEGAL for name in LEGAL[status].values()} == set(AFTER)


@pytest.mark.parametrize("name", STEPS)
def test_without_an_account_there_is_nothing_to_change(name: str) -> None:
    assert refused(Account(ID), STEPS[name]).status == 404


@pytest.mark.parametrize("status", IN)
def test_a_person_has_one_account(status: Status) -> None:
    assert refused(told(*IN[status]), OPEN).code == "account_exists"


@pytest.mark.parametrize("status", ["", *IN])
def test_only_an_active_account_opens_a_session_and_counts_failures(status: Status) -> None:
    account = told(*IN[status]) if status else Account(ID)
    if status == "active":
        assert decide(account, FAIL) and taken(account, sign_in(step=12))
        return
    assert decide(account, FAIL) == []
    assert (refused(account, sign_in(step=12)).status) == 401


def test_an_invitation_runs_out() -> None:
    late = commands.Activate(NOW + INVITED_FOR, SHOWN, "hash", "secret", 10)
    assert refused(told(OPEN), late).status == 401
    in_time = replace(late, at=NOW + INVITED_FOR - timedelta(seconds=1))
    assert told(OPEN, in_time).status == "active"


def test_a_second_factor_is_set_where_the_account_needs_one() -> None:
    assert refused(told(OPEN), ACTIVATE_PLAIN).code == "second_factor_needed"
    assert not told(OPEN_PLAIN, ACTIVATE_PLAIN).second_factor
    assert told(OPEN_PLAIN, ACTIVATE).second_factor, "whoever wants one may have one"


def test_no_code_is_taken_twice_nor_one_before_it() -> None:
    account = told(OPEN, ACTIVATE)
    assert refused(account, sign_in(step=10)).status == 401
    account = told(sign_in(step=12), account=account)
    for step in (0, 11, 12):
        assert refused(account, sign_in(1, step=step)).status == 401
    assert told(sign_in(1, step=13), account=account).totp_step == 13


def test_the_fifth_failure_within_a_quarter_of_an_hour_locks() -> None:
    account = told(OPEN, ACTIVATE, *[FAIL] * (FAILURES - 1))
    late = commands.FailSignIn(NOW + WITHIN)
    assert [type(event) for event in decide(account, late)] == [SignInFailed]
    in_time = commands.FailSignIn(NOW + WITHIN - timedelta(seconds=1))
    assert [type(event) for event in decide(account, in_time)] == [SignInFailed, AccountLocked]


def test_who_signs_in_begins_to_count_anew() -> None:
    account = told(OPEN, ACTIVATE, *[FAIL] * (FAILURES - 1), sign_in(step=11), FAIL)
    assert (account.status, len(account.failures)) == ("active", 1)


def test_a_lock_ends_after_a_quarter_of_an_hour_once() -> None:
    account = told(*IN["locked"])
    end = commands.LetLockEnd(NOW + LOCKED_FOR)
    assert decide(account, commands.LetLockEnd(end.at - timedelta(seconds=1))) == []
    account = told(end, account=account)
    assert (account.status, account.failures) == ("active", ())
    assert decide(account, end) == []
    assert decide(told(*IN["disabled"]), end) == []


def test_who_disabled_an_account_does_not_enable_it() -> None:
    account = told(*IN["disabled"])
    refusal = refused(account, commands.Enable(NOW, ADA, "hash"))
    assert (refusal.code, refusal.status) == ("same_person", 409)


FOUNDER = (commands.Open(NOW, None, True, True, "hash"), ACTIVATE)


def test_nobody_disables_their_own_account() -> None:
    account = told(*IN["active"])
    refusal = refused(account, commands.Disable(NOW, ID))
    assert (refusal.code, refusal.status) == ("own_account", 409)


@pytest.mark.parametrize("more", [(), (FAIL,) * FAILURES], ids=["active", "locked"])
def test_the_last_founder_in_office_is_not_disabled(more: tuple[commands.Command, ...]) -> None:
    """given: a founder who signs in, or will when a lock ends; when: another disables them; then:
    it is refused where nobody takes their place, and where somebody does it is done."""
    account = told(*FOUNDER, *more)
    refusal = refused(account, commands.Disable(NOW, ADA))
    assert (refusal.code, refusal.status) == ("last_founder", 409)
    assert told(commands.Disable(NOW, ADA, BO), account=account).status == "disabled"


@pytest.mark.parametrize(
    ("steps", "is_good"),
    [
        (FOUNDER, True),
        ((*FOUNDER, *[FAIL] * FAILURES), True),
        (FOUNDER[:1], False),
        ((*FOUNDER, commands.Disable(NOW, ADA, BO)), False),
        ((*FOUNDER, commands.Reset(NOW, ADA, "hash")), False),
        ((*FOUNDER, commands.LetGo(NOW)), False),
        (IN["active"], False),
        ((), False),
    ],
    ids=["active", "locked", "invited", "disabled", "reset", "erased", "no founder", "nobody"],
)
def test_a_founder_succeeds_another_while_in_office(
    steps: tuple[commands.Command, ...], is_good: bool
) -> None:
    account = told(*steps)
    if is_good:
        assert decide(account, commands.Succeed()) == []
    else:
        assert refused(account, commands.Succeed()).code == "last_founder"


def test_a_founder_who_never_came_is_disabled_by_whoever_opens_others() -> None:
    assert told(FOUNDER[0], commands.Disable(NOW, ADA)).status == "disabled"


@pytest.mark.parametrize("status", ["invited", "active"])
def test_the_account_of_a_founder_is_that_of_the_name(status: str) -> None:
    account = told(*FOUNDER[: 1 if status == "invited" else 2])
    refusal = refused(account, FOUNDER[0])
    assert (refusal.code, refusal.path) == ("name_taken", "/name")


def test_who_never_activated_an_account_is_invited_again() -> None:
    later = NOW + timedelta(days=30)
    account = told(OPEN, STEPS["disable_account"], commands.Enable(later, BO, "hash"))
    assert (account.status, account.invited_until) == ("invited", later + INVITED_FOR)


def test_a_reset_ends_all_sessions_and_invites_anew_and_is_not_for_oneself() -> None:
    account = told(OPEN_PLAIN, ACTIVATE_PLAIN, sign_in(1))
    assert refused(account, commands.Reset(NOW, ID, "hash")).code == "own_account"
    account = told(STEPS["reset_account"], account=account)
    assert (account.status, account.sessions) == ("invited", ())
    assert refused(account, sign_in(2)).status == 401
    assert told(ACTIVATE_PLAIN, sign_in(2), account=account).status == "active"


def test_a_provider_vouches_for_the_second_factor_of_a_bound_account() -> None:
    account = told(OPEN, STEPS["bind_subject"])
    assert (account.status, account.invited_until) == ("active", None)
    assert refused(account, sign_in(step=0)).status == 401
    vouched = commands.OpenSession(NOW, SHOWN, SESSION, vouched=True)
    assert told(vouched, account=account).sessions
    assert refused(told(*IN["disabled"]), vouched).status == 401
    locked = told(*IN["locked"])
    assert refused(locked, SIGN_IN).status == 401
    assert told(vouched, account=locked).status == "locked"


def test_a_session_ends_after_half_a_day_and_the_oldest_makes_room() -> None:
    account = told(OPEN_PLAIN, ACTIVATE_PLAIN, *(sign_in(n) for n in range(SESSIONS)))
    assert account.sessions[0].ends_at == NOW + SESSION_LASTS
    revoked, opened = taken(account, sign_in(SESSIONS))
    assert isinstance(revoked, SessionRevoked) and isinstance(opened, SessionOpened)
    assert (revoked.session_id, revoked.ending) == (account.sessions[0].id, "too_many")
    assert opened.revoked_sessions == (revoked.session_id,)


def test_disabling_ends_all_sessions_and_every_event_tells_what_to_refuse() -> None:
    account = told(OPEN_PLAIN, ACTIVATE_PLAIN, sign_in(1), sign_in(2))
    first, second, last = decide(account, STEPS["disable_account"])
    ids = tuple(one.id for one in account.sessions)
    refusals = [(one.disabled, one.revoked_sessions) for one in (first, second, last)]
    assert refusals == [(False, ids[:1]), (False, ids), (True, ids)]
    assert isinstance(last, AccountDisabled)
    (enabled,) = decide(told(STEPS["disable_account"], account=account), STEPS["enable_account"])
    assert (enabled.disabled, enabled.revoked_sessions) == (False, ids)


def test_a_session_that_ended_long_ago_is_told_no_more() -> None:
    account = told(OPEN_PLAIN, ACTIVATE_PLAIN, sign_in(1), commands.RevokeSessions(NOW))
    events: list[AccountEvent] = []
    for at in (NOW + REMEMBERED - timedelta(seconds=1), NOW + REMEMBERED):
        events += decide(account, commands.FailSignIn(at))
    assert [len(event.revoked_sessions) for event in events] == [1, 0]
    assert evolve(account, events[-1]).revoked == ()


def test_ending_a_session_twice_changes_nothing() -> None:
    account = told(OPEN_PLAIN, ACTIVATE_PLAIN, sign_in(1))
    end = commands.RevokeSession(NOW, account.sessions[0].id, "signed_out")
    account = told(end, account=account)
    assert decide(account, end) == decide(account, commands.RevokeSessions(NOW)) == []


def test_a_changed_password_leaves_the_session_that_asked() -> None:
    account = told(OPEN_PLAIN, ACTIVATE_PLAIN, sign_in(1), sign_in(2))
    asks = account.sessions[1].id
    account = told(commands.ChangePassword(NOW, SHOWN, asks, "hash", None), account=account)
    assert [one.id for one in account.sessions] == [asks]


def test_what_was_shown_before_the_proofs_changed_proves_nothing() -> None:
    """It takes a while to look at a password; meanwhile its owner may have changed it."""
    account = told(OPEN_PLAIN, ACTIVATE_PLAIN, sign_in(1), sign_in(2))
    one, two = (session.id for session in account.sessions)
    mine = commands.ChangePassword(NOW, account.proofs, one, "mine", None)
    theirs = commands.ChangePassword(NOW, account.proofs, two, "theirs", None)
    late = commands.OpenSession(NOW, account.proofs, SESSION)
    account = told(mine, account=account)
    assert refused(account, theirs).status == refused(account, late).status == 401
    invited = told(STEPS["reset_account"], account=account)
    activate = commands.Activate(NOW, invited.proofs, "hash")
    again = told(STEPS["reset_account"], account=invited)
    assert refused(again, activate).status == 401


def test_a_session_that_ended_changes_no_password() -> None:
    account = told(OPEN_PLAIN, ACTIVATE_PLAIN, sign_in(1), commands.RevokeSessions(NOW))
    change = commands.ChangePassword(NOW, SHOWN, UUID(int=101), "hash", None)
    assert refused(account, change).status == 401


def test_what_is_wrong_now_and_then_does_not_keep_the_owner_out() -> None:
    account = told(OPEN_PLAIN, ACTIVATE_PLAIN)
    sign_in_now = commands.OpenSession(NOW, account.proofs, SESSION)
    assert told(FAIL, sign_in_now, account=account).sessions


def test_an_account_that_was_erased_signs_nobody_in() -> None:
    gone = told(commands.LetGo(NOW), account=told(OPEN_PLAIN, ACTIVATE_PLAIN, sign_in(1)))
    assert (gone.status, gone.sessions) == ("disabled", ())
    assert decide(gone, commands.LetGo(NOW)) == decide(Account(ID), commands.LetGo(NOW)) == []


def test_no_secret_is_published_or_written_out() -> None:
    secret = "a-planted-secret"
    steps: tuple[Any, ...] = (
        commands.Open(NOW, PERSON, False, True, secret),
        commands.Activate(NOW, SHOWN, secret, secret, 10),
        SIGN_IN,
        commands.ChangePassword(NOW, SHOWN, SESSION, secret, secret),
        commands.Disable(NOW, ADA),
        commands.Enable(NOW, BO, secret),
        commands.Reset(NOW, BO, secret),
    )
    account = Account(ID)
    for step in steps:
        assert secret not in repr(step)
        for event in taken(account, step):
            assert secret not in event.model_dump_json(exclude=set(event.sealed))
            account = evolve(account, event)
        assert secret not in repr(account)
