"""Facts are read before what is decided by them: a service that is new, or was away, would else
decide by the half of them that it has read. Its partitions may be those of several processes, so
how far facts are read is what the database says.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.common.journal import Connection

PATIENCE_SECONDS = 30.0
"""Without a step: facts are read no more then, which is told elsewhere; others need not wait."""
REACHED = "SELECT topic, partition, next FROM position WHERE topic = ANY($1)"


class Precedence:
    """`topics` come first. `waiting`: partitions of others that are not read yet."""

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = topics
        self.waiting: set[TopicPartition] = set()
        self._ends: dict[TopicPartition, int] = {}
        self._reached, self._moved_at = -1, 0.0

    def forget(self) -> None:
        self.waiting.clear()
        self._ends.clear()

    def facts(self, consumer: AIOKafkaConsumer) -> set[TopicPartition]:
        """Of the topics that come first, whoever reads them."""
        return {
            TopicPartition(topic, partition)
            for topic in self._topics
            for partition in consumer.partitions_for_topic(topic) or ()
        }

    def hold(
        self,
        consumer: AIOKafkaConsumer,
        partitions: Sequence[TopicPartition],
        ends: Mapping[TopicPartition, int],
    ) -> None:
        """Until facts are read to where they end now: those that hold any."""
        self._ends, self._moved_at = dict(ends), time.monotonic()
        for tp in partitions if ends else ():
            if tp.topic not in self._topics:
                consumer.pause(tp)
                self.waiting.add(tp)

    async def release(self, connection: Connection) -> set[TopicPartition]:
        """Those that need not wait any longer."""
        rows = await connection.fetch(REACHED, self._topics)
        reached = {TopicPartition(row["topic"], row["partition"]): row["next"] for row in rows}
        is_behind = any(reached.get(tp, 0) < end for tp, end in self._ends.items())
        if is_behind and self._is_moving(sum(reached.values())):
            return set()
        freed = set(self.waiting)
        self.forget()
        return freed

    def _is_moving(self, reached: int) -> bool:
        if reached != self._reached:
            self._reached, self._moved_at = reached, time.monotonic()
        return time.monotonic() < self._moved_at + PATIENCE_SECONDS
