"""What the door takes says nothing of what it found."""

from __future__ import annotations

import asyncio

import pytest

from libs.common.messages import Refused
from services.portal import door


@pytest.mark.parametrize(("takes", "told_after"), [(0.0, 0.1), (0.04, 0.1), (0.15, 0.2)])
async def test_a_refusal_is_told_at_a_multiple_of_its_time(
    monkeypatch: pytest.MonkeyPatch, takes: float, told_after: float
) -> None:
    """As it means to: how late the machine wakes it is another matter."""
    monkeypatch.setattr(door, "REFUSED_AFTER_SECONDS", 0.1)
    loop, sleep, meant = asyncio.get_running_loop(), asyncio.sleep, list[float]()

    async def sleeping(seconds: float) -> None:
        meant.append(loop.time() + seconds - begun)
        await sleep(0)

    begun = loop.time()
    with pytest.raises(Refused):
        async with door.evenly():
            await sleep(takes)
            monkeypatch.setattr(asyncio, "sleep", sleeping)
            raise Refused("unauthorised", status=401)
    assert meant[0] >= told_after - 0.001
    assert meant[0] % 0.1 < 0.01 or meant[0] % 0.1 > 0.099
