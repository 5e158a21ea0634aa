"""Whatever dies, at whatever moment: nothing is lost, nothing is counted twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from libs.common.database import look
from libs.common.ids import named, uuid7
from libs.common.messages import Cause
from libs.common.running import Running
from libs.common.service import Service
from libs.common.settings import Settings
from libs.common.work import Work
from tests.support import shop
from tests.support.awaiting import eventually
from tests.support.checks import check_states, fetch
from tests.support.processes import ServiceProcess
from tests.support.servers import Ground, unique

SALES = 2000
TILLS = 40


async def send(urls: Sequence[str], count: int) -> None:
    """Each sale again with the same id until it is promised; which service answers is chance."""
    queue = [
        {"id": str(uuid7()), "till": str(named(f"till {n % TILLS}")), "amount": 1}
        for n in range(count)
    ]
    async with httpx.AsyncClient(timeout=5) as client:

        async def worker() -> None:
            while queue:
                await _sell(client, urls, queue.pop())

        await asyncio.gather(*(worker() for _ in range(16)))


async def _sell(client: httpx.AsyncClient, urls: Sequence[str], body: dict[str, Any]) -> None:
    while True:
        try:
            answer = await client.post(f"{random.choice(urls)}/sales", json=body)
        except httpx.HTTPError:
            await asyncio.sleep(0.05)
            continue
        if answer.status_code in (200, 201):
            return
        assert answer.status_code in (408, 500, 503), answer.text
        await asyncio.sleep(0.05)


async def list_tea(service: Service, settings: Settings) -> None:
    running = Running(service, settings)
    await running.start()
    plan = [shop.GOOD.to(named("tea"), shop.ListGood("tea"))]
    await running.writer.submit([Work(lambda _: plan, Cause("test", "c", uuid7(), "test"))])
    await running.stop()


async def counted(settings: Settings, book: Service) -> int:
    connection = await look(settings.url(book.name, "reader"))
    try:
        return int(await connection.fetchval("SELECT coalesce(sum(sales), 0) FROM takings"))
    finally:
        await connection.close()


@pytest.mark.timeout(300)
async def test_no_sale_is_lost_or_doubled_while_every_process_dies_in_turn(
    servers: Ground, tmp_path: Path
) -> None:
    if servers.own is None:
        pytest.skip("the servers of the environment are not ours to kill")
    suffix = unique("k")
    till, book = shop.services(suffix)
    settings = await servers.provide([till, book], shop.topics(till.topic, book.topic))
    await list_tea(till, settings)
    processes = [
        ServiceProcess(
            ["tests.support.shop_process", suffix, name],
            settings,
            tmp_path / f"{name}-{ordinal}.log",
            str(ordinal),
        )
        for name in ("till", "book")
        for ordinal in (0, 1)
    ]
    for process in processes:
        process.start()
    for process in processes:
        await process.ready()
    tills = [process.url for process in processes[:2]]
    sending = asyncio.create_task(send(tills, SALES))
    try:
        for number, process in enumerate(processes):
            part = SALES // 8 * (number + 1)
            await eventually(lambda: counted(settings, book), at_least(part), within=90)
            process.kill()
            process.start()
        for server in (servers.own.kafka, servers.own.postgres):
            server.kill()
            server.start()
        await sending
        await eventually(lambda: counted(settings, book), at_least(SALES), within=90)
        sold = await fetch(settings, till, "SELECT count(*) FROM event WHERE type = 'till.sold.v1'")
        assert sold[0][0] == SALES
        checks = "SELECT coalesce(sum((state->>'checks')::int), 0) FROM page"
        rows = await eventually(
            lambda: fetch(settings, book, checks), lambda rows: rows[0][0] >= SALES
        )
        assert rows[0][0] == SALES
        assert await counted(settings, book) == SALES
        assert await fetch(settings, book, "SELECT id FROM dead_letter") == []
        for service in (till, book):
            await check_states(settings, service)
    finally:
        sending.cancel()
        for process in processes:
            process.kill()


def at_least(wanted: int) -> Callable[[int], bool]:
    return lambda found: found >= wanted
