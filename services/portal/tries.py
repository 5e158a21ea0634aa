"""How often an address may try (row W15), so that passwords are not found by trying many."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from libs.common.messages import Refused

TRIES, WITHIN_SECONDS = 10, 60.0
ADDRESSES = 10_000
"""So many are remembered; the one that was silent longest is forgotten first."""


class Tries:
    """In the memory of one process."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._taken: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, address: str) -> None:
        """Raises Refused, 429. One that is refused does not count."""
        now, network = self._now(), network_of(address)
        taken = self._taken.setdefault(network, deque(maxlen=TRIES))
        self._taken.move_to_end(network)
        if len(self._taken) > ADDRESSES:
            self._taken.popitem(last=False)
        if len(taken) == TRIES and taken[0] > now - WITHIN_SECONDS:
            raise Refused("too_many", status=429, retry_after=_wait(taken[0], now))
        taken.append(now)


def _wait(oldest: float, now: float) -> int:
    return max(1, math.ceil(oldest + WITHIN_SECONDS - now))


def network_of(address: str) -> str:
    """Whoever has one address of IPv6 has all of its /64."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))
