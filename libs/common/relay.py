"""Kafka out: follow `event` in commit order and publish, at least once, in order within a key.

One relay a service, held by an advisory lock. A transaction is published once every older one has
ended, so a late commit is never skipped. What this process stored itself is not read again. The
mark follows at leisure: a crash repeats what was sent but not marked, and a consumer knows a
repeated message by its `ce_id`. It is written on the connection that holds the lock, and so is a
heartbeat: where that stands still, a standby ends the session of the holder.
"""

from __future__ import annotations

import asyncio
import time
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

from libs.common import failpoints, kafka, metrics, wire
from libs.common.database import working
from libs.common.journal import Connection, EventRow
from libs.common.outgoing import Outgoing

log = structlog.get_logger()

LOCK = 0x72656C6179
IDLE_SECONDS = 0.5
MARK_SECONDS = 0.1
OLDER_SECONDS = 0.002
STANDBY_SECONDS = 1.0
BEAT_SECONDS = 1.0
BROKER_SECONDS = 1.0
REST_SECONDS = 0.01

AHEAD = 4000
"""Events that are looked ahead: more than a batch writes."""
READ = 2000

WAITING = """
SELECT transaction_id::text, count(*) AS events, max(position) AS position,
       next.transaction_id < pg_snapshot_xmin(pg_current_snapshot()) AS is_next
FROM (
    SELECT transaction_id, position FROM event
    WHERE (transaction_id, position) > ($1::text::xid8, $2)
    ORDER BY event.transaction_id, event.position LIMIT $3
) AS next
GROUP BY next.transaction_id ORDER BY next.transaction_id
"""
"""Transactions after the mark. One is next when every older one has ended, in any database of the
server: nobody notifies of that, so it is looked for again soon."""

_ROW = ("NULL AS sealed" if name == "sealed" else name for name in EventRow._fields)
NEXT = f"""
SELECT {", ".join(_ROW)}, transaction_id::text, position
FROM event
WHERE (transaction_id, position) > ($1::text::xid8, $2)
ORDER BY event.transaction_id, event.position
LIMIT $3
"""
MARK = """
UPDATE relay SET transaction_id = $1::text::xid8, position = $2 WHERE taken_up
"""
BACK = """
UPDATE relay SET taken_up = false, (transaction_id, position) = (
    SELECT coalesce(min(transaction_id::text::numeric) - 1, 0)::text::xid8, 0
    FROM event WHERE recorded_at >= $1
) WHERE EXISTS (SELECT FROM event WHERE recorded_at >= $1)
"""
IS_NOTED = """
SELECT taken_up OR NOT EXISTS (
    SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE locktype = 'advisory' AND granted AND objid = $1 AND datname = current_database()
) FROM relay
"""
"""Where nobody publishes, whoever does so next begins at the mark."""
MARKED = """
UPDATE relay SET holder = pg_backend_pid(), heartbeat = clock_timestamp(), taken_up = true
RETURNING transaction_id::text, position
"""
LAST = """
SELECT transaction_id::text, position FROM event
ORDER BY event.transaction_id DESC, event.position DESC LIMIT 1
"""
STANDS = "SELECT taken_up FROM relay"
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
    """Let the relay publish everything again that was recorded since; how many events. From then on
    nothing is on its way to the broker that came after them."""
    count = await connection.fetchval("SELECT count(*) FROM event WHERE recorded_at >= $1", since)
    await connection.execute(BACK, since)
    while not await connection.fetchval(IS_NOTED, LOCK & 0xFFFFFFFF):
        await asyncio.sleep(MARK_SECONDS)
    return int(count)


async def hold(connection: Connection) -> bool:
    """Be the only one that may publish, until this session ends; False where another is."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK))


Mark = tuple[str, int]
"""The last event that was published: its transaction, and its position."""


class Relay:
    """`run` returns only by an error: the caller waits a moment and runs it again."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        produce: Callable[[], AIOKafkaProducer],
        source: str,
        on_lead: Callable[[Connection], Awaitable[None]],
        outgoing: Outgoing,
    ) -> None:
        self._connect, self._produce, self._on_lead = connect, produce, on_lead
        self._source, self._name = source.encode(), source.rpartition("/")[2]
        self._outgoing = outgoing
        self._woken, self._session = asyncio.Event(), asyncio.Lock()
        self.is_leader = False
        self._reached: Mark = ("0", 0)

    async def run(self) -> None:
        async with working(self._connect) as connection:
            while not await hold(connection):
                await connection.execute(END_STALLED)
                await asyncio.sleep(STANDBY_SECONDS)
            await self._on_lead(connection)
            await connection.execute("SET synchronous_commit TO off")
            self._outgoing.open()
            self.is_leader = True
            beating = asyncio.create_task(self._beat(connection))
            try:
                while not connection.is_closed():
                    await self._try(connection)
            finally:
                beating.cancel()
                self.is_leader = False
                self._outgoing.close()

    async def rest(self, connection: Connection) -> None:
        """Until what is stored now is sent, or another process has to send it."""
        last = await connection.fetchrow(LAST)
        while self.is_leader and last and _order(self._reached) < _order(_mark(last)):
            await asyncio.sleep(REST_SECONDS)

    async def _try(self, connection: Connection) -> None:
        """Until the broker fails, which is no reason to give up the lock: the holder has timers to
        fire. Then a new producer goes on from the mark."""
        async with self._session:
            marked = _mark((await connection.fetch(MARKED))[0])
        producer = self._produce()
        try:
            await producer.start()
            await self._follow(connection, producer, marked)
        except Moved:
            log.info("publishing again", source=self._name)
        except KafkaError as error:
            log.warning("not published", source=self._name, error=type(error).__name__)
            await asyncio.sleep(BROKER_SECONDS)
        finally:
            await kafka.give_up(producer)

    async def _follow(
        self, connection: Connection, producer: AIOKafkaProducer, marked: Mark
    ) -> None:
        async with self._session:
            await connection.add_listener("event", self._wake)
        reached, marked_at, older = marked, time.monotonic(), OLDER_SECONDS
        while True:
            self._reached = reached
            self._woken.clear()
            async with self._session:
                found = await connection.fetch(WAITING, *reached, AHEAD)
                upto, rows = await self._next(connection, found, reached)
            if rows:
                failpoints.reach("before_send")
                await self._publish(producer, rows)
                failpoints.reach("sent_not_marked")
                reached, older = upto, OLDER_SECONDS
            unmarked = reached != marked
            if not found or _mark(found[-1]) == reached:
                is_idle = not await self._is_woken(MARK_SECONDS if unmarked else IDLE_SECONDS)
            else:  # more waits: to be read, or for an older transaction
                is_idle = not rows and not await self._is_woken(older)
                older = min(IDLE_SECONDS, older * 2)
            if is_idle or (unmarked and time.monotonic() > marked_at + MARK_SECONDS):
                await self._settle(connection, None if reached == marked else reached)
                marked = reached
                marked_at = time.monotonic()

    async def _next(
        self, connection: Connection, found: Sequence[asyncpg.Record], reached: Mark
    ) -> tuple[Mark, Sequence[EventRow]]:
        """What comes first, either from memory or from the database, and up to where."""
        unknown, rows = 0, list[EventRow]()
        for transaction_id, count, position, is_next in found:
            if not is_next:
                break
            kept = self._outgoing.take(transaction_id)
            if unknown or len(kept) != count:
                if rows:
                    break
                unknown += count
            else:
                rows += kept
                reached = (transaction_id, position)
        if unknown:
            read = await connection.fetch(NEXT, *reached, min(unknown, READ))
            return _mark(read[-1]), [EventRow(*row[: len(EventRow._fields)]) for row in read]
        return reached, rows

    async def _settle(self, connection: Connection, reached: Mark | None) -> None:
        """Mark what was sent since the last time. Raises Moved."""
        async with self._session:
            if reached is None:
                if not await connection.fetchval(STANDS):
                    raise Moved
                return
            if await connection.execute(MARK, *reached) != "UPDATE 1":
                raise Moved
        failpoints.reach("marked")

    async def _beat(self, connection: Connection) -> None:
        while True:
            async with self._session:
                await connection.execute(BEAT)
            await asyncio.sleep(BEAT_SECONDS)

    async def _publish(self, producer: AIOKafkaProducer, rows: Sequence[EventRow]) -> None:
        topics = {row.topic for row in rows}
        counts = {topic: len(await producer.partitions_for(topic)) for topic in topics}
        sent: list[asyncio.Future[Any]] = []
        batches: dict[tuple[str, int], Any] = {}
        for row in rows:
            place = (row.topic, _hash(row.key) % counts[row.topic])
            if place not in batches or not self._append(batches[place], row):
                if full := batches.pop(place, None):
                    sent.append(await producer.send_batch(full, place[0], partition=place[1]))
                batches[place] = producer.create_batch()
                self._append(batches[place], row)
        for (topic, partition), batch in batches.items():
            sent.append(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*sent)
        metrics.PUBLISHED.labels(self._name).inc(len(rows))

    def _append(self, batch: Any, row: EventRow) -> bool:
        """False where the batch is full; an empty one takes any event."""
        headers = wire.attributes(row, self._source)
        key, value = row.key.encode(), row.data.encode()
        return batch.append(timestamp=None, key=key, value=value, headers=headers) is not None

    def _wake(self, *_: object) -> None:
        self._woken.set()

    async def _is_woken(self, seconds: float) -> bool:
        """Whether somebody committed within this time; a notification can be lost."""
        with suppress(TimeoutError):
            return await asyncio.wait_for(self._woken.wait(), seconds)
        return False


def _mark(row: asyncpg.Record) -> Mark:
    return row["transaction_id"], row["position"]


def _order(mark: Mark) -> tuple[int, int]:
    return int(mark[0]), mark[1]


@lru_cache(maxsize=10_000)
def _hash(key: str) -> int:
    """The hash that Kafka's own clients use; in pure Python it is worth remembering, for as many
    keys as a city has cells: those that never come again would take more and more memory."""
    return int(murmur2(key.encode())) & 0x7FFFFFFF
