"""The time of a service: its database's, so that processes with wrong clocks agree.

One row may bend it (base, began, rate), for the demo and for tests, before anything else happens.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

_BENT = "SELECT base, began, rate FROM clock"


class Clock:
    """`now()` moves with the process's own steady clock between two readings, and never back."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._latest = datetime.min.replace(tzinfo=UTC)
        self._read, self._at = self._latest, 0.0
        self._base: datetime | None = None
        self._began = self._latest
        self.rate = 1.0

    async def start(self, connection: asyncpg.Connection[Any]) -> None:
        bent = await connection.fetchrow(_BENT)
        if bent:
            self._base, self._began, self.rate = bent["base"], bent["began"], bent["rate"]
        self.set(await connection.fetchval("SELECT clock_timestamp()"))

    def set(self, read: datetime) -> None:
        """The database said that it is `read` now."""
        self._read, self._at = read, self._steady()

    def now(self) -> datetime:
        real = self._read + timedelta(seconds=self._steady() - self._at)
        bent = real if self._base is None else self._base + (real - self._began) * self.rate
        self._latest = max(self._latest, bent)
        return self._latest

    def seconds_until(self, moment: datetime) -> float:
        """Real seconds from now."""
        return (moment - self.now()).total_seconds() / self.rate
