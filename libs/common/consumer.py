"""Kafka in: records become works for the writer. Where this service stands in each partition is a
row of its own database, moved in the transaction of the batch; Kafka's offsets are not the truth.

The rebalance listener does no I/O: it forgets where this process stands. Records of a partition
whose position was not read since are thrown away.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from libs.common import database, failpoints, wire
from libs.common.fetching import Fetching, Record
from libs.common.horizon import Horizon
from libs.common.ids import named
from libs.common.journal import Connection
from libs.common.messages import Cause
from libs.common.precedence import Precedence
from libs.common.quarantine import Quarantine
from libs.common.work import Dead, Fenced, Place, Work
from libs.common.writer import Writer

log = structlog.get_logger()

Reader = Callable[[Record], Work | None]
T = TypeVar("T")

POSITIONS = """
SELECT topic, partition, next, last_id FROM position
JOIN unnest($1::text[], $2::int[]) AS asked (topic, partition) USING (topic, partition)
"""
BEGIN = """
UPDATE position SET next = 0, last_id = '' WHERE topic = $1 AND partition = $2 AND next = $3
"""

AWAY = (*database.AWAY, KafkaError)
"""The database or the broker does not answer: nothing was stored, so nothing is skipped."""

COMMIT_SECONDS = 5.0
NOBODY = Cause("system", "", named("nobody"), "")


class Standing(NamedTuple):
    """The next offset to handle. `last_id`: what the record before it must be, while that is not
    verified; if it is another, the topic was made anew."""

    next: int
    last_id: str | None = None


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """`first`: topics that are read before the others. `stopped`: topics that are no longer read,
    and what to do about it; the others are."""

    def __init__(
        self,
        make: Callable[[ConsumerRebalanceListener], Awaitable[AIOKafkaConsumer]],
        connect: Callable[[], Awaitable[Connection]],
        read: Reader,
        writer: Writer,
        first: Sequence[str] = (),
    ) -> None:
        self._make, self._connect = make, connect
        self._read, self._writer = read, writer
        self._standing: dict[TopicPartition, Standing] = {}
        self._anew: dict[TopicPartition, int] = {}
        self._assignments = 0
        self._fetching = Fetching(self._forget_all)
        self._quarantine = Quarantine()
        self._horizon = Horizon()
        self._precedence = Precedence(first)
        self.stopped: dict[str, str] = {}
        self._committed_at = 0.0
        self._attempted = time.monotonic()
        self._storing, self._placing = 0, 0

    @property
    def attempted(self) -> float:
        """When it last did something, on the steady clock; what it gave to the writer may wait
        there behind the work of others."""
        return max(self._attempted, self._writer.attempted) if self._storing else self._attempted

    @property
    def in_hand(self) -> int:
        """For how many works and partitions it waits for the database."""
        return self._storing + self._placing

    def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        failpoints.reach("revoked")
        self._forget_all()

    def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        self._forget_all()

    def _forget_all(self) -> None:
        self._assignments += 1
        self._standing.clear()
        self._precedence.forget()
        self._fetching.hurry()

    async def run(self) -> None:
        """Until cancelled, or an error: the caller waits a moment and runs it again."""
        consumer = await self._make(self)
        storing: asyncio.Task[None] | None = None
        try:
            while True:
                self._attempted = time.monotonic()
                await self._patiently(lambda: self._place(consumer))
                if self._precedence.waiting:
                    await self._patiently(lambda: self._release(consumer))
                works = await self._fetch(consumer)
                if storing:
                    await storing  # the next batch was fetched and decoded meanwhile
                works = [one for one in works if one.place and one.place.topic not in self.stopped]
                storing = asyncio.create_task(self._store(works)) if works else None
                self._tell_kafka(consumer)
        finally:
            if storing:
                storing.cancel()
            self._storing = 0
            self._forget_all()
            await consumer.stop()

    async def _fetch(self, consumer: AIOKafkaConsumer) -> list[Work]:
        try:
            fetched = await self._fetching.fetch(consumer, self._standing, 200, 1000)
        except NoOffsetForPartitionError:
            return []  # not placed yet
        except OffsetOutOfRangeError as error:
            for tp in error.args[0]:
                self._standing.pop(tp, None)  # to be placed again by the next turn
            return []
        return [work for tp, records in fetched.items() for work in self._works(tp, records)]

    async def _place(self, consumer: AIOKafkaConsumer) -> None:
        """Seek to where the database says that each newly assigned partition stands."""
        fresh = sorted(consumer.assignment() - self._standing.keys())
        if not fresh:
            return
        assignments = self._assignments
        facts = self._precedence.facts(consumer)
        begins = await consumer.beginning_offsets(facts.union(fresh))
        stored = await self._asking(len(fresh), lambda: self._positions(fresh))
        ends = await consumer.end_offsets(facts.union(fresh))
        if new := [tp for tp, one in stored.items() if self._is_new(tp, one, ends[tp])]:
            await self._asking(len(new), lambda: self._begin(new, stored))
        if assignments != self._assignments:
            return
        for tp in fresh:
            self._stand(consumer, tp, begins[tp], stored.get(tp))
            if tp.topic in self.stopped:
                consumer.pause(tp)
        filled = {tp: ends[tp] for tp in facts if begins[tp] < ends[tp]}
        self._precedence.hold(consumer, fresh, filled)

    async def _release(self, consumer: AIOKafkaConsumer) -> None:
        assignments = self._assignments
        async with database.working(self._connect) as connection:
            freed = await self._precedence.release(connection)
        if assignments == self._assignments:
            consumer.resume(*(tp for tp in freed if tp.topic not in self.stopped))

    async def _asking(self, count: int, ask: Callable[[], Awaitable[T]]) -> T:
        """The database, about so many partitions."""
        self._placing = count
        try:
            return await ask()
        finally:
            self._placing = 0

    async def _positions(self, fresh: Sequence[TopicPartition]) -> dict[TopicPartition, Standing]:
        """As stored. Where topics end is asked after it: another process may still store what came
        meanwhile."""
        async with database.working(self._connect) as connection:
            self._attempted = time.monotonic()
            await self._horizon.look(connection, sorted({tp.topic for tp in fresh}))
            rows = await connection.fetch(POSITIONS, *zip(*fresh, strict=True))
        return {
            TopicPartition(row["topic"], row["partition"]): Standing(row["next"], row["last_id"])
            for row in rows
        }

    def _is_new(self, tp: TopicPartition, stored: Standing, end: int) -> bool:
        return stored.next > end or self._anew.get(tp) == stored.next

    async def _begin(
        self, new: Sequence[TopicPartition], stored: dict[TopicPartition, Standing]
    ) -> None:
        """Go back to the beginning of what was made anew."""
        async with database.working(self._connect) as connection:
            self._attempted = time.monotonic()
            for tp in new:
                log.warning("topic is new", topic=tp.topic, partition=tp.partition)
                await connection.execute(BEGIN, *tp, stored[tp].next)
                stored[tp] = Standing(0)

    def _stand(
        self, consumer: AIOKafkaConsumer, tp: TopicPartition, begin: int, stored: Standing | None
    ) -> None:
        self._anew.pop(tp, None)
        if stored is None:
            self._standing[tp] = Standing(begin)
            consumer.seek(tp, begin)
        elif stored.next < begin:
            self._standing[tp] = stored
            consumer.seek(tp, stored.next)
            told = f"begins at {begin}, and this service stands at {stored.next}"
            action = "let the owner of the topic run `civicgrid republish`"
            self._stop(tp.topic, f"{tp.topic}/{tp.partition} {told}: {action}")
        elif stored.next == begin:
            self._standing[tp] = Standing(begin)
            consumer.seek(tp, begin)
        else:
            self._standing[tp] = stored
            consumer.seek(tp, stored.next - 1)

    def _works(self, tp: TopicPartition, records: Sequence[Record]) -> list[Work]:
        standing = self._standing.get(tp)
        if standing is None or not records:
            return []
        if standing.last_id is not None:
            first, *records = records
            if first.offset != standing.next - 1 or wire.identity(first) != standing.last_id:
                self._anew[tp] = self._standing.pop(tp).next
                return []
        next = records[-1].offset + 1 if records else standing.next
        self._standing[tp] = Standing(next)
        return list(self._read_all(tp, standing.next, records))

    def _read_all(
        self, tp: TopicPartition, begin: int, records: Sequence[Record]
    ) -> Iterator[Work]:
        """A work for each record that is for us; the last one moves past those that are not."""
        held: tuple[Work, int] | None = None
        before: Record | None = None
        for record in records:
            work = self._read(record)
            if work and work.envelope and self._horizon.hides(tp.topic, work.envelope.time):
                work.dead = Dead("horizon", "older than ids are remembered for")
            if work or held is None:
                if held and before:
                    yield _placed(tp, begin, *held, before)
                held = work or Work(lambda _: (), cause=NOBODY), record.offset
            before = record
        if held and before:
            yield _placed(tp, begin, *held, before)

    async def _store(self, works: Sequence[Work]) -> None:
        self._storing = len(works)
        await self._patiently(lambda: self._writer.submit(works))
        failpoints.reach("stored_not_told")
        self._storing = 0
        for work in works:
            if isinstance(work.result, Fenced) and work.place:
                self._standing.pop(TopicPartition(*work.place[:2]), None)
        for topic, reason in self._quarantine.watch(works):
            self._stop(topic, reason)
            for tp in [tp for tp in self._standing if tp.topic == topic]:
                del self._standing[tp]  # to be placed where the database stands, and paused

    def _stop(self, topic: str, reason: str) -> None:
        if topic not in self.stopped:
            log.error("stopped", topic=topic, reason=reason)
            self.stopped[topic] = reason

    async def _patiently(self, step: Callable[[], Awaitable[T]]) -> T:
        """Again and again, ever more slowly, until the database and the broker answer."""
        pause = 0.05
        while True:
            try:
                return await step()
            except AWAY as error:
                log.warning("not stored, trying again", error=type(error).__name__)
                self._attempted = time.monotonic()
            await asyncio.sleep(random.uniform(pause / 2, pause))
            pause = min(5.0, pause * 2)

    def _tell_kafka(self, consumer: AIOKafkaConsumer) -> None:
        """Kafka's own offsets are for tools that show lag, and may be late or missing."""
        if time.monotonic() - self._committed_at < COMMIT_SECONDS or not self._standing:
            return
        self._committed_at = time.monotonic()
        offsets = {tp: standing.next for tp, standing in self._standing.items()}
        self._committing = asyncio.create_task(_commit(consumer, offsets))


def _placed(tp: TopicPartition, begin: int, work: Work, offset: int, last: Record) -> Work:
    work.place = Place(tp.topic, tp.partition, begin, offset, last.offset + 1, last)
    return work


async def _commit(consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
    with suppress(KafkaError):
        await consumer.commit(dict(offsets))
