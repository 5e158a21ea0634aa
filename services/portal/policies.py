"""Who gets an account under which name, and what time does to locks and sessions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from libs.city import City
from libs.common.contracts.portal import (
    AccountDisabled,
    AccountLocked,
    AccountReset,
    AccountUnlocked,
    DeviceRevoked,
    SessionOpened,
    SessionRevoked,
)
from libs.common.contracts.registry import SubjectErased
from libs.common.ids import derived, named
from libs.common.messages import (
    CancelTimer,
    Context,
    Due,
    Effect,
    Policies,
    Refused,
    SetTimer,
    Timers,
)
from libs.privacy import erasing
from libs.rights.policy import PLAIN
from services.portal.domain import ACCOUNT, SIGN_IN_NAME
from services.portal.domain.commands import (
    Disable,
    LeaveDevice,
    LetGo,
    LetLockEnd,
    Open,
    RevokeSession,
    Succeed,
)
from services.portal.domain.sign_in_name import Claim

LOCK, SESSION = "lock", "session"

Now = Context[City]


@dataclass(frozen=True, slots=True)
class Asked:
    """An account to open. `name`: the id of a sign-in name. `person`: None for a founder."""

    name: UUID
    person: UUID | None
    founder: bool
    second_factor: bool
    invitation_hash: str

    @property
    def account(self) -> UUID:
        """One for each person, whatever the name."""
        return account_of(self.person) if self.person else derived(self.name, "founder")


def account_of(person: UUID) -> UUID:
    return named(f"account/{person}")


def open_account(asked: Asked, now: Now) -> Iterable[Effect]:
    if asked.founder and asked.person:
        raise Refused("founder_is_no_person", status=422, path="/person_ref")
    if not asked.founder and asked.person is None:
        raise Refused("person_needed", status=422, path="/person_ref")
    if not asked.second_factor and _needs_second_factor(asked, now):
        raise Refused("second_factor_needed", status=422, path="/second_factor")
    proof = (asked.second_factor, asked.invitation_hash)
    yield ACCOUNT.to(asked.account, Open(now.now, asked.person, asked.founder, *proof))
    yield SIGN_IN_NAME.to(asked.name, Claim(now.now, asked.account))


def disable_account(
    id: UUID, by: UUID, successor: UUID | None, version: int | None, now: Now
) -> Iterable[Effect]:
    """`successor`: another founder, where it is one; of two who disable each other one does."""
    yield ACCOUNT.to(id, Disable(now.now, by, successor), expected=version)
    if successor:
        yield ACCOUNT.to(successor, Succeed())


def _needs_second_factor(asked: Asked, now: Now) -> bool:
    """By the posts held now; one that comes later is none without it."""
    seats = now.facts.seats(asked.person, now.now) if asked.person else ()
    return asked.founder or any(seat.role not in PLAIN for seat in seats)


def on_locked(event: AccountLocked, context: Now) -> Iterable[Effect]:
    yield SetTimer(LOCK, event.account_id, event.locked_until)


def on_lock_ended(
    event: AccountUnlocked | AccountDisabled | AccountReset, context: Now
) -> Iterable[Effect]:
    yield CancelTimer(LOCK, event.account_id)


def on_session_opened(event: SessionOpened, context: Now) -> Iterable[Effect]:
    data = {"account": str(event.account_id)}
    yield SetTimer(SESSION, event.session_id, event.ends_at, data)


def on_session_revoked(event: SessionRevoked, context: Now) -> Iterable[Effect]:
    yield CancelTimer(SESSION, event.session_id)


def on_device_revoked(event: DeviceRevoked, context: Now) -> Iterable[Effect]:
    left = LeaveDevice(event.revoked_at, event.device_id, event.session_id)
    yield ACCOUNT.to(event.account_id, left)


def on_subject_erased(event: SubjectErased, context: Now) -> Iterable[Effect]:
    """Nobody can sign in any more as an account that was erased: it says so."""
    yield from erasing.policies("portal")[SubjectErased](event, context)
    yield ACCOUNT.to(event.subject_ref, LetGo(context.now))


def lock_is_over(due: Due, context: Now) -> Iterable[Effect]:
    yield ACCOUNT.to(due.id, LetLockEnd(due.due_at))


def session_is_over(due: Due, context: Now) -> Iterable[Effect]:
    ended = RevokeSession(due.due_at, due.id, "timed_out")
    yield ACCOUNT.to(UUID(due.data["account"]), ended)


POLICIES: Policies = {
    AccountLocked: on_locked,
    AccountUnlocked: on_lock_ended,
    AccountDisabled: on_lock_ended,
    AccountReset: on_lock_ended,
    SessionOpened: on_session_opened,
    SessionRevoked: on_session_revoked,
    DeviceRevoked: on_device_revoked,
    SubjectErased: on_subject_erased,
}
TIMERS: Timers = {LOCK: lock_is_over, SESSION: session_is_over}
