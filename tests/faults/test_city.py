"""The whole city, two processes of each service, while everything dies in turn."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.city import SERVICES
from libs.common import provisioning
from libs.common.ids import uuid7
from libs.common.settings import Settings
from services.leads.rules import LEAD_TYPES
from services.registry import reference
from tests.faults.test_kill import at_least
from tests.support.awaiting import eventually
from tests.support.checks import check_states, fetch
from tests.support.processes import ServiceProcess
from tests.support.servers import ROOT, Ground
from tests.support.town import PLAN, SEED, forget_topics, pass_of

LEADS = 2500
BATCH = 20
BY_NAME = {service.name: service for service in SERVICES}


@asynccontextmanager
async def twice(settings: Settings, folder: Path) -> AsyncIterator[dict[str, list[ServiceProcess]]]:
    """Two processes of every service."""
    processes = {
        name: [
            ServiceProcess([f"services.{name}"], settings, folder / f"{name}-{n}.log", str(n))
            for n in (0, 1)
        ]
        for name in BY_NAME
    }
    every = [process for pair in processes.values() for process in pair]
    for process in every:
        process.start()
    try:
        await asyncio.gather(*(process.ready() for process in every))
        yield processes
    finally:
        for process in every:
            process.kill()


async def load_city(settings: Settings, url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=30, auth=pass_of(settings)) as client:
        for route, bodies in reference.batches(PLAN, SEED):
            answer = (await client.post(route, json={"items": bodies})).json()
            assert not [one for one in answer["items"] if "problem" in one]
    wanted = await known(settings, "registry")
    for name in BY_NAME:
        await eventually(partial(known, settings, name), wanted.__eq__)


async def known(settings: Settings, name: str) -> tuple[int, ...]:
    tables = ("city_area", "city_organisation", "city_appointment")
    counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)
    return tuple((await fetch(settings, BY_NAME[name], f"SELECT {counts}"))[0])


async def cells(settings: Settings) -> list[str]:
    query = "SELECT code FROM city_area WHERE level = 'grid_l3' ORDER BY code"
    return [row["code"] for row in await fetch(settings, BY_NAME["leads"], query)]


async def send(settings: Settings, urls: Sequence[str], leads: Sequence[dict[str, Any]]) -> None:
    """Each batch again until all of it is promised; which process answers is chance."""
    queue = [leads[n : n + BATCH] for n in range(0, len(leads), BATCH)]
    async with httpx.AsyncClient(timeout=10, auth=pass_of(settings)) as client:

        async def worker() -> None:
            while queue:
                await _promised(client, urls, queue.pop())

        await asyncio.gather(*(worker() for _ in range(4)))


async def _promised(client: httpx.AsyncClient, urls: Sequence[str], leads: Any) -> None:
    while True:
        try:
            answer = await client.post(f"{random.choice(urls)}/leads/batch", json={"items": leads})
            items = answer.json()["items"] if answer.status_code == 200 else []
        except (httpx.HTTPError, ValueError):
            items = []
        if items and all(one["status"] in (200, 201) for one in items):
            return
        await asyncio.sleep(0.05)  # a client's pause before it tries again


async def scored(settings: Settings) -> int:
    query = "SELECT count(*) FROM applied WHERE type = 'lead.captured.v1'"
    return await counted(settings, "scoring", query)


async def counted(settings: Settings, name: str, query: str) -> int:
    return int((await fetch(settings, BY_NAME[name], query))[0][0])


@pytest.mark.timeout(500)
async def test_every_lead_is_routed_alerted_mediated_and_scored_once(
    servers: Ground, tmp_path: Path
) -> None:
    if servers.own is None:
        pytest.skip("the servers of the environment are not ours to kill")
    file = provisioning.topics_file(ROOT)
    await forget_topics(servers, list(file.topics))
    settings = await servers.provide(SERVICES, file)
    async with twice(settings, tmp_path) as processes:
        await load_city(settings, processes["registry"][0].url)
        chance = random.Random(11)
        places = await cells(settings)
        leads = [
            {
                "id": str(uuid7()),
                "lead_type": chance.choice(sorted(LEAD_TYPES)),
                "cell": chance.choice(places),
            }
            for _ in range(LEADS)
        ]
        sending = asyncio.create_task(
            send(settings, [one.url for one in processes["leads"]], leads)
        )
        victims = [process for pair in processes.values() for process in pair]
        for number, process in enumerate(victims):
            part = LEADS * (number + 1) // (len(victims) + 4)
            await eventually(partial(scored, settings), at_least(part), within=90)
            process.kill()
            process.start()
        for server in (servers.own.kafka, servers.own.postgres):
            server.kill()
            server.start()
        await sending
        await eventually(partial(scored, settings), at_least(LEADS), within=120)
        await check(settings, leads)


async def check(settings: Settings, leads: Sequence[dict[str, Any]]) -> None:
    """Every count, in every service, once they have all come to rest."""
    disputes = sum(LEAD_TYPES[one["lead_type"]].kind == "dispute" for one in leads)
    wanted = {
        ("leads", "SELECT count(*) FROM lead WHERE status = 'routed'"): LEADS,
        ("leads", "SELECT count(*) FROM event WHERE type = 'lead.captured.v1'"): LEADS,
        ("leads", "SELECT count(*) FROM event WHERE type = 'lead.routed.v1'"): LEADS,
        ("alerts", "SELECT count(*) FROM event WHERE type = 'alert.raised.v1'"): LEADS,
        ("alerts", "SELECT count(*) FROM receipt"): LEADS * 3,
        ("mediation", "SELECT count(*) FROM mediation_case"): disputes,
        ("scoring", "SELECT count(*) FROM applied WHERE type = 'alert.raised.v1'"): LEADS,
        (
            "scoring",
            "SELECT sum(denominator) FROM tally WHERE indicator = 'routed'",
        ): LEADS,
        (
            "scoring",
            "SELECT sum(numerator) FROM tally WHERE indicator = 'routed'",
        ): LEADS,
    }
    for (name, query), count in wanted.items():
        found = partial(counted, settings, name, query)
        assert await eventually(found, at_least(count), within=60) == count, (name, query)
    for service in SERVICES:
        assert await fetch(settings, service, "SELECT id FROM dead_letter") == []
        await check_states(settings, service)
