"""A process starts, however often its connections are cut meanwhile, and goes on when they are
forgotten without a word."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest

from libs.common import database
from libs.common.database import session
from libs.common.ids import named, uuid7
from libs.common.messages import Cause
from libs.common.running import Running
from libs.common.work import Done, Work
from tests.faults.campaign.proxy import Proxy
from tests.faults.conftest import through
from tests.support import shop
from tests.support.awaiting import eventually
from tests.support.servers import Ground, unique

STARTS, CUTS = 3, 8
END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY($1)"


@pytest.mark.timeout(180)
async def test_a_service_starts_although_its_connections_are_slow_and_cut(
    servers: Ground, cutting: Proxy
) -> None:
    """Found by campaigns of seeds 1 and 20: a reset while the history was compared, or the end of
    the session within a transaction of the first load, ended the process."""
    till, book = shop.services(unique("s"))
    settings = await servers.provide([till, book], shop.topics(till.topic, book.topic))
    cut = through(cutting, settings)
    names = [till.name, book.name]
    running = [Running(service, cut) for service in (till, book) for _ in range(STARTS)]
    trouble = asyncio.create_task(cut_at_times(cutting, servers, names))
    try:
        await asyncio.gather(*(asyncio.wait_for(one.start(), 90) for one in running))
    finally:
        trouble.cancel()
        cutting.heal()
        await asyncio.gather(*(one.stop() for one in running))
    assert cutting.met["reset"] >= CUTS // 2


@pytest.mark.timeout(120)
async def test_a_service_gives_up_sessions_that_say_nothing_more(
    servers: Ground, cutting: Proxy
) -> None:
    till, _ = shop.services(unique("s"))
    settings = await servers.provide([till], shop.topics(till.topic))
    running = Running(till, through(cutting, settings))
    await running.start()
    plan = [shop.TILL.to(named("till one"), shop.Sell("tea", 1))]

    async def stored() -> bool:
        work = Work(lambda _: plan, Cause("test", "c", uuid7(), "test"))
        try:
            await running.writer.submit([work])
        except database.AWAY:
            return False
        return isinstance(work.result, Done)

    try:
        assert await stored()
        cutting.forget()
        await eventually(stored, bool, within=2 * database.ANSWER_SECONDS)
    finally:
        await running.stop()


async def cut_at_times(proxy: Proxy, servers: Ground, names: Sequence[str]) -> None:
    """All that are there, in the middle of what they do, as each answer takes its time: by the
    network, or by the server, which says so."""
    chance = random.Random(20)
    proxy.begin("latency", share=1)
    async with session(servers.admin_url) as admin:
        for n in range(CUTS):
            await asyncio.sleep(chance.uniform(0.2, 2))
            if n % 2:
                await admin.execute(END_ALL, names)
            else:
                proxy.begin("reset", share=1)
                proxy.begin("latency", share=1)
    proxy.heal()
