"""Two processes of one service: exactly one publishes, and the other takes over from a dead one."""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer

from libs.common import kafka
from libs.common.ids import named, uuid7
from libs.common.serving import interface, started
from libs.common.settings import Settings
from tests.support import shop
from tests.support.awaiting import eventually
from tests.support.servers import Ground, unique


async def published(settings: Settings, topic: str) -> Counter[str]:
    """How often each event is in the topic, by its id."""
    parts = await kafka.partitions(settings.kafka_bootstrap_servers, [topic])
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await consumer.start()
    try:
        consumer.assign(parts)
        await consumer.seek_to_beginning()
        left = sum((await consumer.end_offsets(parts)).values())
        found: Counter[str] = Counter()
        while found.total() < left:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found.update(dict(record.headers)["ce_id"].decode() for record in records)
        return found
    finally:
        await consumer.stop()


async def sell(running: Any, count: int) -> None:
    transport = httpx.ASGITransport(interface(running), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        for _ in range(count):
            body = {"id": str(uuid7()), "till": str(named("till")), "amount": 1}
            assert (await client.post("/sales", json=body)).status_code == 201


async def test_one_of_two_publishes_and_the_other_takes_over(servers: Ground) -> None:
    till, _ = shop.services(unique("r"))
    settings = await servers.provide([till], shop.topics(till.topic))

    async def all_of(count: int) -> None:
        async def total() -> int:
            return (await published(settings, till.topic)).total()

        await eventually(total, count.__eq__)
        assert set((await published(settings, till.topic)).values()) == {1}

    async with started([till], settings) as second:
        async with started([till], settings) as first:
            both = (first[0].relay, second[0].relay)
            await sell(first, 10)
            await sell(second, 10)
            await all_of(20)
            assert sum(relay.is_leader for relay in both) == 1
        await sell(second, 5)
        await all_of(25)
        assert second[0].relay.is_leader
