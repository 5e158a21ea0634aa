"""Timers that run out become works, in the order in which they fell due."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from libs.common import dead_letters, metrics, timers, waiting
from libs.common.clock import Clock
from libs.common.database import working
from libs.common.journal import Connection
from libs.common.keys import Keys
from libs.common.receiving import Receiver
from libs.common.work import Work
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
        keys: Keys,
    ) -> None:
        self._name, self._keys = name, keys
        self._receiver, self._writer = receiver, writer
        self._clock, self._connect = clock, connect

    async def run(self, is_leader: Callable[[], bool]) -> None:
        """While this process holds the relay; the caller runs it again after an error."""
        async with working(self._connect) as connection:
            while is_leader():
                rows = await connection.fetch(timers.DUE, self._clock.now(), BATCH)
                if rows:
                    metrics.TIMERS.labels(self._name).inc(len(rows))
                    await self._writer.submit([await self._work(row) for row in rows])
                if len(rows) < BATCH:
                    await asyncio.sleep(await self._pause(connection))

    async def _work(self, row: Mapping[str, Any]) -> Work:
        """What a record from outside holds, and a dead letter, is opened only now."""
        name, id, due_at, data, _ = row.values()
        if name == waiting.RETRY:
            return self._receiver.again(name, id, due_at, await self._opened(data))
        if name == waiting.TIMER:
            kept = json.loads(data)
            held = await self._opened(kept["sealed"]) if "sealed" in kept else {}
            return self._receiver.again(name, id, due_at, None if held is None else kept | held)
        return self._receiver.fired(*row.values())

    async def _opened(self, sealed: str | None) -> dict[str, Any] | None:
        return await dead_letters.opened(self._keys, sealed)

    async def _pause(self, connection: Connection) -> float:
        next = await connection.fetchval(timers.NEXT_DUE)
        if next is None:
            return LONGEST_SECONDS
        return min(LONGEST_SECONDS, max(0.02, self._clock.seconds_until(next)))
