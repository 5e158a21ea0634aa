"""Timers that run out become works, in the order in which they fell due."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from libs.common import metrics, timers
from libs.common.clock import Clock
from libs.common.journal import Connection
from libs.common.receiving import Receiver
from libs.common.writer import Writer

BATCH = 500
LONGEST_SECONDS = 0.5
"""Another process may have set a timer that falls due before the next that is known here."""


class Timing:
    def __init__(
        self,
        name: str,
        receiver: Receiver,
        writer: Writer,
        clock: Clock,
        connect: Callable[[], Awaitable[Connection]],
    ) -> None:
        self._name = name
        self._receiver, self._writer = receiver, writer
        self._clock, self._connect = clock, connect

    async def run(self, is_leader: Callable[[], bool]) -> None:
        """While this process holds the relay; the caller runs it again after an error."""
        connection = await self._connect()
        try:
            while is_leader():
                rows = await connection.fetch(timers.DUE, self._clock.now(), BATCH)
                if rows:
                    metrics.TIMERS.labels(self._name).inc(len(rows))
                    await self._writer.submit([self._receiver.fired(*row) for row in rows])
                if len(rows) < BATCH:
                    await asyncio.sleep(await self._pause(connection))
        finally:
            connection.terminate()

    async def _pause(self, connection: Connection) -> float:
        next = await connection.fetchval(timers.NEXT_DUE)
        if next is None:
            return LONGEST_SECONDS
        return min(LONGEST_SECONDS, max(0.02, self._clock.seconds_until(next)))
