"""Whether the city is done with what came in: all of it read, decided, published."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.stand import Stand
from cli.city import SERVICES
from libs.common import kafka
from libs.common.database import session
from libs.common.measuring import unpublished
from libs.common.service import Service

POSITIONS = "SELECT topic, partition, next FROM position"
PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Standing:
    consumer: AIOKafkaConsumer
    partitions: Sequence[TopicPartition]
    sessions: Mapping[str, asyncpg.Connection[Any]]

    async def published(self, prefix: str = "") -> int:
        """Records on all topics of the city that begin so."""
        return sum(end for tp, end in (await self._ends()).items() if tp.topic.startswith(prefix))

    async def is_done(self) -> bool:
        ends = await self._ends()
        return all([await self._has_read(service, ends) for service in SERVICES])

    async def until_done(self, begun: float) -> None:
        """SystemExit where that takes longer than is reasonable."""
        while not await self.is_done():
            if time.monotonic() - begun > PATIENCE_SECONDS:
                raise SystemExit(f"the city is not done after {PATIENCE_SECONDS} s")
            await asyncio.sleep(0.05)

    async def _ends(self) -> Mapping[TopicPartition, int]:
        found: Mapping[TopicPartition, int] = await self.consumer.end_offsets(self.partitions)
        return found

    async def _has_read(self, service: Service, ends: Mapping[TopicPartition, int]) -> bool:
        connection = self.sessions[service.name]
        rows = await connection.fetch(POSITIONS)
        read = {TopicPartition(row["topic"], row["partition"]): row["next"] for row in rows}
        behind = any(
            end > read.get(tp, 0)
            for tp, end in ends.items()
            if service.consumes and kafka.is_among(tp.topic, service.consumes)
        )
        if behind:
            return False
        count, _ = await unpublished(connection, most=1)
        return not count


@asynccontextmanager
async def watched(stand: Stand) -> AsyncIterator[Standing]:
    consumer = AIOKafkaConsumer(bootstrap_servers=stand.bootstrap)
    partitions = await kafka.partitions(stand.bootstrap, ["civicgrid.*"])
    await consumer.start()
    async with AsyncExitStack() as open:
        open.push_async_callback(consumer.stop)
        sessions = {
            one.name: await open.enter_async_context(
                session(stand.settings.url(one.name, "reader"))
            )
            for one in SERVICES
        }
        yield Standing(consumer, partitions, sessions)
