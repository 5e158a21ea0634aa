"""A process starts, however often its connections are cut meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from libs.common.running import Running
from tests.faults.campaign.proxy import Proxy
from tests.support import shop
from tests.support.servers import Ground, unique

STARTS = 8


@pytest.fixture
async def cutting(servers: Ground) -> AsyncIterator[Proxy]:
    """In front of PostgreSQL; half of the connections are cut before anything is answered."""
    host = servers.admin_url.rpartition("@")[2].partition("/")[0]
    proxy = Proxy(int(host.rpartition(":")[2]), random.Random(5))
    await proxy.start()
    yield proxy
    await proxy.stop()


@pytest.mark.timeout(120)
async def test_a_service_starts_although_half_of_its_connections_are_cut(
    servers: Ground, cutting: Proxy
) -> None:
    """Found by campaign seed 1: a reset while the history was compared ended the process."""
    if servers.embedded is None:
        pytest.skip("the servers of the environment are not ours to cut off")
    till, _ = shop.services(unique("s"))
    settings = await servers.provide([till], shop.topics(till.topic))
    host = servers.admin_url.rpartition("@")[2].partition("/")[0]
    through = settings.database_url.replace(host, f"127.0.0.1:{cutting.port}")
    cut = settings.model_copy(update={"database_url": through})
    cutting.begin("reset", share=0.5)
    for _ in range(STARTS):
        running = Running(till, cut)
        try:
            await asyncio.wait_for(running.start(), 60)
        finally:
            await running.stop()
    assert cutting.met["reset"] > STARTS
