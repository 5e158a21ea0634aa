"""How often an account or an address may ask, so that nobody takes the time of all others."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from libs.common.http.limits import BURST_SECONDS, REMEMBERED
from libs.common.messages import Refused


class Quota:
    """A token bucket for each key, in the memory of one process: what is kept of a key is the
    moment at which its bucket is full again."""

    def __init__(
        self,
        per_second: float,
        burst_seconds: float = BURST_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pause = 1 / per_second
        self._room = burst_seconds - self._pause / 2
        self._now = now
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str) -> None:
        """Raises Refused, 429. What is refused does not count."""
        now = self._now()
        full_at = max(self._full_at.pop(key, now), now)
        early = full_at - now - self._room
        self._full_at[key] = full_at if early > 0 else full_at + self._pause
        if early > 0:
            raise Refused("too_many", status=429, retry_after=math.ceil(early))
        if len(self._full_at) > REMEMBERED:
            self._full_at.popitem(last=False)


@dataclass(frozen=True)
class Quotas:
    """Of a service."""

    accounts: Quota
    addresses: Quota


@lru_cache(REMEMBERED)
def network_of(address: str) -> str:
    """Whoever has one address of IPv6 has all of its /64."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))
