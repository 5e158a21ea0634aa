"""Records of Kafka, with those that its client cannot read: such a one has a header whose name is
not UTF-8, as any client in C may write it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from libs.common import kafka

Record: TypeAlias = "ConsumerRecord[Any, Any]"


class Fetching:
    """`go_back`: to where each partition was handled, for the client drops all that it had fetched
    with such a record. One by one, then, until it is found."""

    def __init__(self, go_back: Callable[[], None]) -> None:
        self._go_back = go_back
        self._is_careful = False

    def hurry(self) -> None:
        """Take many at once again: the partitions are others now."""
        self._is_careful = False

    async def fetch(
        self,
        consumer: AIOKafkaConsumer,
        partitions: Collection[TopicPartition],
        timeout_ms: int,
        max_records: int,
    ) -> Mapping[TopicPartition, list[Record]]:
        try:
            if self._is_careful:
                return await self._one(consumer, sorted(partitions))
            return dict(await consumer.getmany(timeout_ms=timeout_ms, max_records=max_records))
        except UnicodeDecodeError:
            self._go_back()
            self._is_careful = True
            return {}

    async def _one(
        self, consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
    ) -> Mapping[TopicPartition, list[Record]]:
        for tp in random.sample(partitions, len(partitions)):
            try:
                if fetched := await consumer.getmany(tp, max_records=1):
                    return dict(fetched)
            except UnicodeDecodeError:
                at = await consumer.position(tp)
                consumer.seek(tp, at + 1)
                self._is_careful = False
                return {tp: [_unreadable(tp, at)]}
        await asyncio.sleep(0.02)  # it is being fetched
        return {}


def _unreadable(tp: TopicPartition, offset: int) -> Record:
    """A dead letter that says where the record lies. It is the same each time, for it may be the
    one before a position."""
    told = f"{tp.topic}/{tp.partition} at {offset}: the name of a header is not UTF-8"
    headers = (("unreadable", told.encode()),)
    return ConsumerRecord(*tp, offset, 0, 0, None, None, None, -1, -1, headers)


async def everything(
    bootstrap: str, topics: Sequence[str], *, last: int | None = None
) -> AsyncGenerator[tuple[TopicPartition, Record], None]:
    """All records that there are now, or the `last` of each partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, client_id="civicgrid.reading")
    try:
        await consumer.start()
        partitions = await kafka.partitions(bootstrap, topics)
        begins = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        if last is not None:
            begins = {tp: max(begin, ends[tp] - last) for tp, begin in begins.items()}
        left = {tp: begins[tp] for tp in partitions if begins[tp] < ends[tp]}

        def go_back() -> None:
            for tp, offset in left.items():
                consumer.seek(tp, offset)

        consumer.assign(list(left))
        go_back()  # at once: a fetch from an end would wait there for half a second
        fetching = Fetching(go_back)
        while left:
            for tp, records in (await fetching.fetch(consumer, left, 500, 1000)).items():
                for record in records:
                    yield tp, record
                left[tp] = await consumer.position(tp)
            for tp in [tp for tp, offset in left.items() if offset >= ends[tp]]:
                del left[tp]
    finally:
        await consumer.stop()
