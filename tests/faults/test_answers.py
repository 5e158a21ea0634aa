"""While its database comes and goes, a service answers with 503 or with the truth: nothing else."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence

import httpx
import pytest

from libs.common.database import session
from libs.common.ids import named, uuid7
from libs.common.serving import interface, started
from libs.common.settings import Settings
from tests.faults.campaign.proxy import Proxy
from tests.faults.conftest import through
from tests.faults.test_start import END_ALL
from tests.support import shop
from tests.support.servers import Ground, unique

SECONDS, CLIENTS = 8, 8
SALES = "SELECT count(*) FROM event WHERE type = 'till.sold.v1'"


@pytest.mark.timeout(120)
async def test_no_answer_is_an_error_of_ours_and_what_was_promised_is_stored(
    servers: Ground, cutting: Proxy
) -> None:
    """Found by campaign seed 20: a session that ended at a bad moment was answered with 500."""
    till, _ = shop.services(unique("a"))
    settings = await servers.provide([till], shop.topics(till.topic))
    cut = through(cutting, settings)
    answers: Counter[int] = Counter()
    async with started([till], cut) as running:
        transport = httpx.ASGITransport(interface(running), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            trouble = asyncio.create_task(cut_for(SECONDS, cutting, servers, [till.name, "keys"]))
            await asyncio.gather(*(sell(client, answers, trouble) for _ in range(CLIENTS)))
    assert set(answers) <= {201, 503}
    assert answers[201] > 20 and answers[503] > 5
    assert answers[201] <= await stored(settings, till.name)


async def sell(
    client: httpx.AsyncClient, answers: Counter[int], trouble: asyncio.Task[None]
) -> None:
    while not trouble.done():
        body = {"id": str(uuid7()), "till": str(named("till")), "amount": 1, "buyer": "Li Na"}
        answers[(await client.post("/sales", json=body)).status_code] += 1


async def cut_for(seconds: float, proxy: Proxy, servers: Ground, names: Sequence[str]) -> None:
    """Every few moments by the network or by the server, in the midst of what is asked."""
    chance, end = random.Random(20), time.monotonic() + seconds
    async with session(servers.admin_url) as admin:
        while time.monotonic() < end:
            proxy.begin(chance.choice(["slices", "swallow", "slices"]), share=0.5)
            await asyncio.sleep(chance.uniform(0.02, 0.4))
            if chance.random() < 0.5:
                proxy.begin("reset", share=0.7)
            else:
                await admin.execute(END_ALL, list(names))
            proxy.heal()
            await asyncio.sleep(chance.uniform(0, 0.5))


async def stored(settings: Settings, service: str) -> int:
    async with session(settings.url(service, "reader")) as reader:
        return int(await reader.fetchval(SALES))
