"""What is behind shows in the metrics while it is behind: that is what they are for."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import httpx
import pytest

from libs.common import kafka
from tests.faults.test_stalled import sell
from tests.support import shop
from tests.support.awaiting import eventually
from tests.support.journals import counted
from tests.support.processes import ServiceProcess
from tests.support.servers import Ground, unique


async def measured(process: ServiceProcess, name: str) -> float:
    """The sum over all labels; 0 where there is none yet."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"http://127.0.0.1:{process.admin_port}/metrics")).text
    return sum(
        float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name}{{")
    )


async def is_ready(process: ServiceProcess) -> bool:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{process.admin_port}/ready")
    return answer.status_code == 200


@pytest.mark.timeout(150)
async def test_events_grow_old_while_the_broker_is_away(servers: Ground, tmp_path: Path) -> None:
    if servers.own is None:
        pytest.skip("the servers of the environment are not ours to kill")
    suffix = unique("m")
    till, _ = shop.services(suffix)
    settings = await servers.provide([till], shop.topics(till.topic))
    module = ("tests.support.shop_process", suffix, "till")
    process = ServiceProcess(module, settings, tmp_path / "till.log")
    process.start()
    try:
        await process.ready()
        servers.own.kafka.kill()
        events = partial(measured, process, "civicgrid_unpublished_events")
        age = partial(measured, process, "civicgrid_unpublished_seconds")
        try:
            for _ in range(3):
                await sell(process.url)

            async def kept_and_measured() -> tuple[int, float]:
                sales, kept = await counted(settings.url(till.name, "writer"), till.topic)
                assert sales == 3
                return kept, await events()

            await eventually(kept_and_measured, lambda both: both[0] == both[1])
            await eventually(age, lambda seconds: seconds > 8)
        finally:
            servers.own.kafka.start()
        await eventually(events, (0.0).__eq__, within=60)
        assert await age() == 0
    finally:
        process.kill()


@pytest.mark.timeout(120)
async def test_records_that_a_stopped_consumer_left_show_as_lag(
    servers: Ground, tmp_path: Path
) -> None:
    suffix = unique("m")
    till, book = shop.services(suffix)
    settings = await servers.provide([till, book], shop.topics(till.topic, book.topic))
    module = ("tests.support.shop_process", suffix, "book")
    process = ServiceProcess(module, settings, tmp_path / "book.log")
    producer = kafka.producer(settings.kafka_bootstrap_servers, "test")
    await producer.start()
    process.start()
    try:
        await process.ready()
        for n in range(60):  # too many dead letters: the consumer stops
            await producer.send_and_wait(till.topic, b"poison %d" % n, partition=0)
        await eventually(partial(is_ready, process), False.__eq__)
        for _ in range(7):
            await producer.send_and_wait(till.topic, b"more", partition=0)
        await eventually(partial(measured, process, "civicgrid_lag"), lambda lag: lag >= 7)
    finally:
        process.kill()
        await producer.stop()
