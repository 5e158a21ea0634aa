"""Ten tries a minute for each address, in a memory that does not grow."""

from __future__ import annotations

import pytest

from libs.common.messages import Refused
from services.portal import tries
from services.portal.tries import TRIES, Tries


def test_the_eleventh_try_waits_until_the_first_is_a_minute_old() -> None:
    at = [100.0]
    door = Tries(lambda: at[0])
    for _ in range(TRIES):
        door.take("10.0.0.1")
        at[0] += 1
    with pytest.raises(Refused) as refused:
        door.take("10.0.0.1")
    assert (refused.value.status, refused.value.values) == (429, {"retry_after": 50})
    door.take("10.0.0.2")
    at[0] = 160.0
    door.take("10.0.0.1")
    with pytest.raises(Refused):
        door.take("10.0.0.1")


def test_who_was_silent_longest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "ADDRESSES", 3)
    door = Tries(lambda: 0.0)
    for n in range(100):
        door.take(f"10.0.0.{n}")
    assert list(door._taken) == ["10.0.0.97", "10.0.0.98", "10.0.0.99"]
