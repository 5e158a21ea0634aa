"""Wait for what must become true; never for an amount of time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

SHORTEST, LONGEST = 0.02, 0.25
"""Seconds between two looks."""
SHARE = 0.1
"""Of the time until now, that the next pause takes: what is awaited for long is not slowed down by
looks at it, and is seen a tenth too late at most."""


async def eventually(
    ask: Callable[[], Awaitable[T]], holds: Callable[[T], bool], *, within: float = 30
) -> T:
    """The first answer that holds; AssertionError with the last one when time is up."""
    begun = time.monotonic()
    while True:
        answer = await ask()
        if holds(answer):
            return answer
        waited = time.monotonic() - begun
        if waited > within:
            raise AssertionError(f"still {answer!r} after {within} s")
        await asyncio.sleep(min(max(SHORTEST, waited * SHARE), LONGEST))
