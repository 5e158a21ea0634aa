"""The time of a service: its database's, so that processes with wrong clocks agree.

One row may bend it (base, began, rate), for the demo and for tests, before anything else happens.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import structlog

log = structlog.get_logger()

_BENT = "SELECT base, began, rate FROM clock"
LEAP, LASTING = timedelta(minutes=1), 60.0
"""A leap ahead of this much is believed once it has lasted for so many seconds: what fell due in it
would be done, and could not be undone."""


class Clock:
    """`now()` moves with the process's own steady clock between two readings, and never back."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._latest = datetime.min.replace(tzinfo=UTC)
        self._read, self._at = self._latest, 0.0
        self._leapt_at: float | None = None
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
        steady = self._steady()
        if self._at and read - self._real(steady) > LEAP:
            if self._leapt_at is None:
                log.error("the clock of the database leapt")
                self._leapt_at = steady
            if steady - self._leapt_at < LASTING:
                return
        self._leapt_at = None
        self._read, self._at = read, steady

    def _real(self, steady: float) -> datetime:
        return self._read + timedelta(seconds=steady - self._at)

    def now(self) -> datetime:
        real = self._real(self._steady())
        bent = real if self._base is None else self._base + (real - self._began) * self.rate
        self._latest = max(self._latest, bent)
        return self._latest

    def seconds_until(self, moment: datetime) -> float:
        """Real seconds from now."""
        return (moment - self.now()).total_seconds() / self.rate
