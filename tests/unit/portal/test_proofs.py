"""Passwords, codes and invitations: what is right is taken once, what is easily found never."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from libs.common.messages import Refused
from libs.common.writer import Busy
from services.portal import proofs
from services.portal.proofs import Passwords, check, step_of

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SECRET = pyotp.random_base32()
STEP = pyotp.TOTP(SECRET).timecode(NOW)


async def test_a_password_is_known_by_its_hash_and_nobody_by_none() -> None:
    passwords = Passwords()
    hash = await passwords.hash("ﬁve quiet harbours")
    assert hash.startswith("$argon2id$")
    assert await passwords.is_right(hash, "five quiet harbours"), "however it was composed"
    assert not await passwords.is_right(hash, "Five quiet harbours")
    assert not await passwords.is_right(None, "five quiet harbours")
    assert not await passwords.is_right("no hash", "five quiet harbours")


async def test_who_finds_the_door_full_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proofs, "WAITING", 2)
    passwords, leave = Passwords(), asyncio.Event()

    async def stand() -> None:
        async with passwords.turn():
            await leave.wait()

    standing = [asyncio.create_task(stand()) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await stand()
    leave.set()
    await asyncio.gather(*standing)
    await stand()


@pytest.mark.parametrize(
    "password",
    [
        *("password1234", "PassWord1234", "woaini1314520", "aaaaaaaaaaaa", "my civicgrid pass"),
        *("CIVICGRID-2026!", "so z.wang-7 it is", "ｐａｓｓｗｏｒｄ１２３４"),
    ],
)
def test_what_is_easily_found_is_refused(password: str) -> None:
    with pytest.raises(Refused) as refused:
        check(password, "z.wang-7", "/password")
    assert (refused.value.status, refused.value.path) == (422, "/password")


def test_other_passwords_are_taken() -> None:
    check("five quiet harbours", "z.wang-7", "/password")
    check("网格员的十二个字口令还要长", None, "/password")


def test_the_list_holds_what_could_be_chosen() -> None:
    assert len(proofs._REFUSED) > 300
    assert all(12 <= len(one) <= 128 and one == one.casefold() for one in proofs._REFUSED)


def test_a_code_is_taken_a_half_minute_early_or_late_and_never_again() -> None:
    for n, found in ((-2, None), (-1, -1), (0, 0), (1, 1), (2, None)):
        code = pyotp.TOTP(SECRET).at(NOW + timedelta(seconds=30 * n))
        assert step_of(SECRET, code, NOW, 0) == (None if found is None else STEP + found)
        assert step_of(SECRET, code, NOW, STEP + 1) is None
    assert step_of(SECRET, "", NOW, 0) is None


def test_an_invitation_is_known_by_its_hash_alone() -> None:
    invitation, hash = proofs.invite()
    assert len(invitation) == 22 and invitation not in hash
    assert proofs.is_invited(hash, invitation)
    assert not proofs.is_invited(hash, proofs.invite()[0])
    assert not proofs.is_invited(None, invitation)
