"""Leads on intake at a steady rate, and how long each takes until its alert is published."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench import leads
from bench.stand import PARTITIONS, Stand
from services.leads.policies import lead_id
from services.leads.rules import LEAD_TYPES

PATIENCE_SECONDS = 60


class Alerts:
    """When each lead was put on intake, and when the first alert about it was read, by lead."""

    def __init__(self, producer: AIOKafkaProducer, consumer: AIOKafkaConsumer, intake: str) -> None:
        self._producer, self._consumer, self._intake = producer, consumer, intake
        self.sent: dict[UUID, float] = {}
        self.seen: dict[UUID, float] = {}

    async def send(self, number: str, lead_type: str, cell: str) -> None:
        record = leads.report(number, lead_type, cell, datetime.now(UTC).isoformat())
        self.sent[lead_id("sandbox", number)] = time.monotonic()
        await self._producer.send(
            self._intake, record.value, key=record.key, headers=record.headers,
            partition=leads.partition(record.key),
        )  # fmt: skip

    async def read(self) -> None:
        """Until cancelled."""
        while True:
            fetched = await self._consumer.getmany(timeout_ms=500)
            now = time.monotonic()
            for records in fetched.values():
                for record in records:
                    self.seen.setdefault(UUID(json.loads(record.value)["about"]), now)

    async def milliseconds(self, ids: Sequence[UUID]) -> list[float]:
        """Sorted; waits for those that are on their way. SystemExit where they do not come."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while missing := [id for id in ids if id not in self.seen]:
            if time.monotonic() > deadline:
                raise SystemExit(f"no alert about {len(missing)} of {len(ids)} leads")
            await asyncio.sleep(0.02)
        return sorted((self.seen[id] - self.sent[id]) * 1000 for id in ids)


@asynccontextmanager
async def watched(stand: Stand, intake: str, alerts: str) -> AsyncIterator[Alerts]:
    producer = AIOKafkaProducer(bootstrap_servers=stand.bootstrap, acks="all", linger_ms=0)
    consumer = AIOKafkaConsumer(bootstrap_servers=stand.bootstrap)
    consumer.assign([TopicPartition(alerts, n) for n in range(PARTITIONS)])
    await producer.start()
    await consumer.start()
    await consumer.seek_to_end()
    found = Alerts(producer, consumer, intake)
    reading = asyncio.create_task(found.read())
    try:
        yield found
    finally:
        reading.cancel()
        await consumer.stop()
        await producer.stop()


async def at(
    rate: int, seconds: float, alerts: Alerts, cells: Sequence[str], chance: random.Random
) -> list[float]:
    """Milliseconds from intake to alert, sorted. Each lead goes out at its time, whatever became
    of those before; the first half a second warms up, and is not counted."""
    warm, kinds = max(1, rate // 2), sorted(LEAD_TYPES)
    begun, ids, run = time.monotonic(), [], time.time_ns()
    for n in range(warm + int(rate * seconds)):
        await asyncio.sleep(max(0, begun + n / rate - time.monotonic()))
        await alerts.send(f"{run}-{n}", chance.choice(kinds), chance.choice(cells))
        ids.append(lead_id("sandbox", f"{run}-{n}"))
    times = await alerts.milliseconds(ids[warm:])
    await alerts.milliseconds(ids[:warm])
    return times
