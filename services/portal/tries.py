"""How often an address may try (row W15), so that passwords are not found by trying many."""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from libs.common.messages import Refused

TRIES, WITHIN_SECONDS = 10, 60.0
ADDRESSES = 10_000
"""So many are remembered; the one that was silent longest is forgotten first."""


class Tries:
    """In the memory of one process. Each try is remembered: a bucket would let the eleventh in
    before the minute is over."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._taken: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, address: str) -> None:
        """Raises Refused, 429. One that is refused does not count."""
        now = self._now()
        taken = self._taken.setdefault(address, deque(maxlen=TRIES))
        self._taken.move_to_end(address)
        if len(self._taken) > ADDRESSES:
            self._taken.popitem(last=False)
        if len(taken) == TRIES and taken[0] > now - WITHIN_SECONDS:
            raise Refused("too_many", status=429, retry_after=_wait(taken[0], now))
        taken.append(now)


def _wait(oldest: float, now: float) -> int:
    return max(1, math.ceil(oldest + WITHIN_SECONDS - now))
