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
    monkeypatch.setattr(door, "REFUSED_AFTER_SECONDS", 0.1)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    with pytest.raises(Refused):
        async with door.evenly():
            await asyncio.sleep(takes)
            raise Refused("unauthorised", status=401)
    assert told_after - 0.005 <= loop.time() - begun
    assert (loop.time() - begun) % 0.1 < 0.05
