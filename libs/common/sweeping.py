"""What is done again and again about a set of rows: one instruction each, by the relay's holder."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from libs.common.database import working
from libs.common.ids import uuid7
from libs.common.journal import Connection
from libs.common.messages import Cause, Context, Effect
from libs.common.work import Work
from libs.common.writer import Writer

BATCH = 500
PAGE = 20 * BATCH
"""A query that looks at all rows to find those that moved is asked as seldom as memory allows."""


@dataclass(frozen=True)
class Sweep:
    """Every `seconds`, `act` on each row of `query`, which is told how many it may give and, where
    it `asks_time`, what time it is for the service.

    A row that was acted upon is not found again, else the sweep would not end.
    """

    name: str
    seconds: float
    query: str
    act: Callable[[Mapping[str, Any], Context[Any]], Iterable[Effect]]
    asks_time: bool = False


class Sweeping:
    def __init__(
        self,
        source: str,
        sweeps: Sequence[Sweep],
        writer: Writer,
        connect: Callable[[], Awaitable[Connection]],
    ) -> None:
        self._source, self._sweeps = f"{source}/sweep", sweeps
        self._writer, self._connect = writer, connect

    async def run(self, is_leader: Callable[[], bool]) -> None:
        """While this process holds the relay; the caller runs it again after an error."""
        async with asyncio.TaskGroup() as group:
            for sweep in self._sweeps:
                group.create_task(self._again(sweep, is_leader))

    async def _again(self, sweep: Sweep, is_leader: Callable[[], bool]) -> None:
        async with working(self._connect) as connection:
            while is_leader():
                await self.through(sweep, connection)
                await asyncio.sleep(sweep.seconds)

    async def through(self, sweep: Sweep, connection: Connection) -> None:
        """Once, until it finds no full page any more."""
        count = PAGE
        while count == PAGE:
            now = (self._writer.context().now,) if sweep.asks_time else ()
            rows = await connection.fetch(sweep.query, PAGE, *now)
            count = len(rows)
            for n in range(0, count, BATCH):
                works = [self._work(sweep, row) for row in rows[n : n + BATCH]]
                await self._writer.submit(works)

    def _work(self, sweep: Sweep, row: Mapping[str, Any]) -> Work:
        id = uuid7()
        return Work(
            lambda context: sweep.act(row, context),
            Cause("sweep", f"{sweep.name}/{id}", id, self._source),
        )
