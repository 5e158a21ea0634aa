"""What is behind: events that nobody could read yet, records that were not read yet.

Measured in every process, so that the figures go on while the broker is away or the consumer has
stopped; those of one service agree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from libs.common import kafka, metrics
from libs.common.clock import Clock
from libs.common.database import working
from libs.common.journal import Connection

SECONDS = 5.0
MOST = 100_000
"""Unpublished events are counted up to here: past it the figure says enough."""

MARK = "SELECT transaction_id::text, position FROM relay"
UNPUBLISHED = """
SELECT count(*) AS events, min(recorded_at) AS oldest FROM (
    SELECT recorded_at FROM event
    WHERE (transaction_id, position) > ($1::text::xid8, $2)
    ORDER BY transaction_id, position LIMIT $3
) AS unpublished
"""
"""Joined with `relay` it would read all events: no index is used for a row that is joined."""
UNSEALED = """
SELECT extract(epoch FROM clock_timestamp() - at)::float8 FROM audit
WHERE (transaction_id, position) > (coalesce(
    (SELECT transaction_id FROM audit_seal ORDER BY first DESC LIMIT 1), '0'), coalesce(
    (SELECT position FROM audit_seal ORDER BY first DESC LIMIT 1), 0))
ORDER BY transaction_id, position LIMIT 1
"""
POSITIONS = "SELECT topic, partition, next FROM position"


class Measuring:
    """`topics`: those that the service consumes."""

    def __init__(
        self,
        name: str,
        topics: Sequence[str],
        bootstrap: str,
        clock: Clock,
        connect: Callable[[], Awaitable[Connection]],
    ) -> None:
        self._name, self._topics, self._bootstrap = name, topics, bootstrap
        self._clock, self._connect = clock, connect

    async def run(self) -> None:
        """Until an error: the caller waits a moment and runs it again."""
        async with working(self._connect) as connection:
            while True:
                await self._journal(connection)
                if self._topics:
                    with suppress(KafkaError, TimeoutError):
                        await asyncio.wait_for(self._lag(connection), SECONDS)
                await asyncio.sleep(SECONDS)

    async def _journal(self, connection: Connection) -> None:
        count, oldest = await unpublished(connection)
        age = (self._clock.now() - oldest).total_seconds() if oldest else 0.0
        metrics.UNPUBLISHED.labels(self._name).set(count)
        metrics.UNPUBLISHED_SECONDS.labels(self._name).set(max(0.0, age))
        seconds = await connection.fetchval(UNSEALED)
        metrics.UNSEALED_SECONDS.labels(self._name).set(seconds or 0.0)

    async def _lag(self, connection: Connection) -> None:
        rows = await connection.fetch(POSITIONS)
        positions = {TopicPartition(row["topic"], row["partition"]): row["next"] for row in rows}
        parts = await kafka.partitions(self._bootstrap, self._topics)
        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap)
        try:
            await consumer.start()
            metrics.LAG.labels(self._name).set(await lag(consumer, parts, positions))
        finally:
            await consumer.stop()


async def unpublished(connection: Connection, most: int = MOST) -> tuple[int, datetime | None]:
    """How many events the relay has not marked as sent, and when the oldest was recorded."""
    mark = await connection.fetchrow(MARK)
    assert mark
    row = await connection.fetchrow(UNPUBLISHED, *mark, most)
    assert row
    return row["events"], row["oldest"]


async def lag(
    consumer: AIOKafkaConsumer,
    partitions: Sequence[TopicPartition],
    positions: Mapping[TopicPartition, int],
) -> int:
    """Records past `positions`, the next to handle; all that are there where there is none."""
    if not partitions:
        return 0
    begins = await consumer.beginning_offsets(partitions)
    ends = await consumer.end_offsets(partitions)
    return sum(max(0, ends[tp] - max(begins[tp], positions.get(tp, 0))) for tp in partitions)
