"""Wait for what must become true; never for an amount of time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.02


async def eventually(
    ask: Callable[[], Awaitable[T]], holds: Callable[[T], bool], *, within: float = 30
) -> T:
    """The first answer that holds; AssertionError with the last one when time is up."""
    deadline = time.monotonic() + within
    while True:
        answer = await ask()
        if holds(answer):
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"still {answer!r} after {within} s")
        await asyncio.sleep(POLL_SECONDS)
