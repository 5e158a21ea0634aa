"""A device is registered and revoked once; what is revoked takes its sessions with it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import pytest

from libs.common.contracts.portal import DeviceRevoked, SessionRevoked
from libs.common.messages import Instruction, Refused
from services.portal import policies
from services.portal.domain import commands
from services.portal.domain.account import Account, evolve
from services.portal.domain.account_steps import decide
from services.portal.domain.device import Device, RegisterDevice, RevokeDevice, SignInOn
from services.portal.domain.device import decide as decide_device
from services.portal.domain.device import evolve as evolve_device

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ID, ACCOUNT, OTHER, SESSION = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)
REGISTER, REVOKE = RegisterDevice(NOW, ACCOUNT, SESSION), RevokeDevice(NOW, OTHER)
NOBODY = cast(Any, None)


def device(*steps: Any) -> Device:
    state = Device(ID)
    for step in steps:
        for event in decide_device(state, step):
            state = evolve_device(state, event)
    return state


@pytest.mark.parametrize(
    ("before", "step", "status"),
    [
        ((), REVOKE, 404),
        ((REGISTER,), REGISTER, 409),
        ((REGISTER, REVOKE), REGISTER, 409),
        ((REGISTER, REVOKE), REVOKE, 409),
        ((), SignInOn(NOW, ACCOUNT, SESSION), 401),
        ((REGISTER,), SignInOn(NOW, OTHER, SESSION), 401),
        ((REGISTER, REVOKE), SignInOn(NOW, ACCOUNT, SESSION), 401),
    ],
)
def test_each_state_takes_the_steps_of_its_table(before: Any, step: Any, status: int) -> None:
    with pytest.raises(Refused) as refused:
        decide_device(device(*before), step)
    assert refused.value.status == status


def test_its_owner_signs_in_on_a_registered_one() -> None:
    """Its version rises: a process that revokes it meanwhile has to decide again."""
    (event,) = decide_device(device(REGISTER), SignInOn(NOW, ACCOUNT, SESSION))
    assert evolve_device(device(REGISTER), event) == device(REGISTER)


def test_the_sessions_on_it_end_and_the_one_that_registered_it() -> None:
    account = Account(ACCOUNT)
    steps = (
        commands.Open(NOW, OTHER, False, False, "hash"),
        commands.Activate(NOW, 1, "hash"),
        commands.OpenSession(NOW, 2, SESSION),
        commands.OpenSession(NOW, 2, UUID(int=5), device=ID),
        commands.OpenSession(NOW, 2, UUID(int=6)),
    )
    for step in steps:
        for event in decide(account, step):
            account = evolve(account, event)
    (revoked,) = decide_device(device(REGISTER), REVOKE)
    assert isinstance(revoked, DeviceRevoked)
    (leave,) = policies.on_device_revoked(revoked, NOBODY)
    assert isinstance(leave, Instruction) and leave.id == ACCOUNT
    ended = decide(account, leave.command)
    assert [one.session_id for one in ended if isinstance(one, SessionRevoked)] == [
        SESSION,
        UUID(int=5),
    ]
