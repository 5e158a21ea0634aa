"""Kafka out: follow `event` in commit order and publish, at least once, in order within a key.

One relay a service, held by an advisory lock. A transaction is published once every older one has
ended, so a late commit is never skipped. A crash repeats what was sent but not marked; a consumer
knows a repeated message by its `ce_id`. The mark is written on the connection that holds the lock,
and so is a heartbeat: where that stands still, a standby ends the session of the holder.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import Any

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from libs.common import failpoints, metrics, wire
from libs.common.journal import Connection

log = structlog.get_logger()

LOCK = 0x72656C6179
IDLE_SECONDS = 0.5
STANDBY_SECONDS = 1.0
BEAT_SECONDS = 1.0
BROKER_SECONDS = 1.0

NEXT = """
SELECT transaction_id::text, position, stream_id, version, event_id, topic, type, key, data,
       correlation_id, causation_id, causation_source, actor, traceparent, exercise, recorded_at
FROM event
WHERE (transaction_id, position) > ($1::text::xid8, $2)
  AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY event.transaction_id, event.position
LIMIT $3
"""
MARK = """
UPDATE relay SET transaction_id = $1::text::xid8, position = $2
WHERE transaction_id = $3::text::xid8 AND position = $4
"""
BACK = """
UPDATE relay SET (transaction_id, position) = (
    SELECT coalesce(min(transaction_id::text::numeric) - 1, 0)::text::xid8, 0
    FROM event WHERE recorded_at >= $1
) WHERE EXISTS (SELECT FROM event WHERE recorded_at >= $1)
"""
MARKED = """
UPDATE relay SET holder = pg_backend_pid(), heartbeat = clock_timestamp()
RETURNING transaction_id::text, position
"""
WHERE = "SELECT transaction_id::text, position FROM relay"
BEAT = "UPDATE relay SET heartbeat = clock_timestamp()"
END_STALLED = """
SELECT pg_terminate_backend(holder) FROM relay
JOIN pg_locks ON pid = holder AND locktype = 'advisory' AND granted
WHERE heartbeat < clock_timestamp() - interval '10 seconds'
"""
"""A broker that is down is no reason: the holder goes on beating while it waits for it."""


class Moved(Exception):
    """Somebody set the mark back: go on from there."""


async def republish(connection: Connection, since: datetime) -> int:
    """Let the relay publish everything again that was recorded since; how many events."""
    count = await connection.fetchval("SELECT count(*) FROM event WHERE recorded_at >= $1", since)
    await connection.execute(BACK, since)
    return int(count)


async def hold(connection: Connection) -> bool:
    """Be the only one that may publish, until this session ends; False where another is."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK))


class Relay:
    """`run` returns only by an error: the caller waits a moment and runs it again."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        produce: Callable[[], AIOKafkaProducer],
        source: str,
        on_lead: Callable[[Connection], Awaitable[None]],
    ) -> None:
        self._connect, self._produce, self._on_lead = connect, produce, on_lead
        self._source, self._name = source.encode(), source.rpartition("/")[2]
        self._woken, self._session = asyncio.Event(), asyncio.Lock()
        self.is_leader = False

    async def run(self, batch: int = 2000) -> None:
        connection = await self._connect()
        try:
            while not await hold(connection):
                await connection.execute(END_STALLED)
                await asyncio.sleep(STANDBY_SECONDS)
            await self._on_lead(connection)
            self.is_leader = True
            beating = asyncio.create_task(self._beat(connection))
            try:
                while not connection.is_closed():
                    await self._try(connection, batch)
            finally:
                beating.cancel()
        finally:
            self.is_leader = False
            connection.terminate()

    async def _try(self, connection: Connection, batch: int) -> None:
        """Until the broker fails, which is no reason to give up the lock: the holder has timers to
        fire. Then a new producer goes on from the mark."""
        producer = self._produce()
        try:
            await producer.start()
            await self._follow(connection, producer, batch)
        except KafkaError as error:
            log.warning("not published", source=self._name, error=type(error).__name__)
            await asyncio.sleep(BROKER_SECONDS)
        finally:
            with suppress(Exception):
                await asyncio.wait_for(producer.stop(), 5)

    async def _follow(self, connection: Connection, producer: AIOKafkaProducer, batch: int) -> None:
        async with self._session:
            await connection.add_listener("event", lambda *_: self._woken.set())
            transaction_id, position = (await connection.fetch(MARKED))[0]
        while True:
            self._woken.clear()
            async with self._session:
                rows = await connection.fetch(NEXT, transaction_id, position, batch)
            if rows:
                failpoints.reach("before_send")
                await self._publish(producer, rows)
                failpoints.reach("sent_not_marked")
                before = (transaction_id, position)
                transaction_id, position = rows[-1]["transaction_id"], rows[-1]["position"]
                async with self._session:
                    marked = await connection.execute(MARK, transaction_id, position, *before)
                if marked != "UPDATE 1":
                    raise Moved
                failpoints.reach("marked")
            elif not await self._rest():
                async with self._session:  # somebody may have set it back, to publish again
                    transaction_id, position = (await connection.fetch(WHERE))[0]

    async def _beat(self, connection: Connection) -> None:
        while True:
            async with self._session:
                await connection.execute(BEAT)
            await asyncio.sleep(BEAT_SECONDS)

    async def _publish(self, producer: AIOKafkaProducer, rows: Sequence[asyncpg.Record]) -> None:
        topics = {row["topic"] for row in rows}
        counts = {topic: len(await producer.partitions_for(topic)) for topic in topics}
        sent: list[asyncio.Future[Any]] = []
        batches: dict[tuple[str, int], Any] = {}
        for row in rows:
            place = (row["topic"], _hash(row["key"]) % counts[row["topic"]])
            if place not in batches or not self._append(batches[place], row):
                if full := batches.pop(place, None):
                    sent.append(await producer.send_batch(full, place[0], partition=place[1]))
                batches[place] = producer.create_batch()
                self._append(batches[place], row)
        for (topic, partition), batch in batches.items():
            sent.append(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*sent)
        metrics.PUBLISHED.labels(self._name).inc(len(rows))

    def _append(self, batch: Any, row: asyncpg.Record) -> bool:
        """False where the batch is full; an empty one takes any event."""
        headers = wire.attributes(row, self._source)
        key, value = row["key"].encode(), row["data"].encode()
        return batch.append(timestamp=None, key=key, value=value, headers=headers) is not None

    async def _rest(self) -> bool:
        """Until somebody commits; False after a moment without, as a notification can be lost."""
        with suppress(TimeoutError):
            return await asyncio.wait_for(self._woken.wait(), IDLE_SECONDS)
        return False


@lru_cache(maxsize=100_000)
def _hash(key: str) -> int:
    """The hash that Kafka's own clients use; in pure Python it is worth remembering."""
    return int(murmur2(key.encode())) & 0x7FFFFFFF
