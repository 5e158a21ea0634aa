"""A small city with its services, over real servers, for tests of whole flows."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from cli.city import NAMES, SERVICES
from cli.client import DEFAULT
from cli.passes import Pass
from libs.common import provisioning
from libs.common.database import look
from libs.common.running import Running
from libs.common.service import Service
from libs.common.serving import interface, started
from libs.common.settings import Settings
from services.registry import reference
from services.registry.reference.plan import Plan
from tests.support import answered
from tests.support.awaiting import eventually
from tests.support.servers import ROOT, Ground

PLAN = reference.read_plan(Path(__file__).parent / "small-city.yaml")
SEED = 7
PRIVACY_OFFICER = reference.holder(PLAN, SEED, "privacy_officer")
ASKED = {
    **{"registry": "/areas/counts", "leads": "/supervisions", "alerts": "/alerts"},
    **{"mediation": "/mediation-cases", "scoring": "/scores", "portal": "/accounts"},
}
"""Of each service, what may be asked by who is known there to hold a post."""
HELD: dict[str, list[Callable[..., Any]]] = {"response": [answered.hold]}
"""Whatever a town answers is what its contract says."""
ANY = {"If-Match": "*"}
"""Of a client that changes a thing whatever its version."""


def is_ok(answer: httpx.Response) -> bool:
    return answer.status_code == 200


@dataclass
class Town:
    """All services at work, a city in the registry, copies of it everywhere."""

    settings: Settings
    client: httpx.AsyncClient
    running: Mapping[str, Running | None]

    async def rows(self, service: str, query: str, *values: Any) -> list[dict[str, Any]]:
        connection = await look(self.settings.url(service, "reader"))
        try:
            return [dict(row) for row in await connection.fetch(query, *values)]
        finally:
            await connection.close()

    def of(self, person: UUID, founder: bool = False) -> Town:
        """The same, as that person sees it."""
        assert self.settings.tokens
        client = httpx.AsyncClient(
            transport=self.client._transport,
            base_url=self.client.base_url,
            headers=ANY,
            auth=Pass(self.settings.tokens, person, founder),
            event_hooks=HELD,
        )
        return replace(self, client=client)

    @property
    def privacy(self) -> Town:
        """The same, as the privacy officer sees it."""
        return self.of(PRIVACY_OFFICER)

    def acting(self, rights: Collection[str]) -> Town:
        """The same, as one of these roles sees it, where the two cannot do the same."""
        is_hers = "privacy_officer" in rights and "command_operator" not in rights
        return self.privacy if is_hers else self

    async def owner(self, service: str, statement: str, *values: Any) -> None:
        """What no role of a service may do."""
        connection = await asyncpg.connect(self.settings.url(service, "owner"))
        try:
            await connection.execute(statement, *values)
        finally:
            await connection.close()

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, json=body, headers=names)

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def load(self, batches: Iterable[tuple[str, Sequence[Any]]]) -> None:
        for route, bodies in batches:
            answer = await self.post(route, {"items": bodies})
            failed = [item for item in answer.json()["items"] if item["status"] >= 400]
            assert not failed, json.dumps(failed[:3])

    async def spread(self) -> None:
        """Until every service knows what the registry knows."""
        wanted = await self._known("registry")
        for name in self.running:
            await eventually(partial(self._known, name), wanted.__eq__)
        for name in self.running:
            await eventually(partial(self.client.get, ASKED[name]), is_ok)
        await eventually(partial(self.privacy.client.get, "/subject-requests"), is_ok)

    async def _known(self, service: str) -> tuple[int, ...]:
        tables = ("city_area", "city_organisation", "city_post", "city_appointment")
        counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)
        return tuple((await self.rows(service, f"SELECT {counts}"))[0].values())


def pass_of(settings: Settings, plan: Plan = PLAN) -> Pass:
    """Of somebody who founded the system and runs the command centre, and so may do nearly all
    that a town needs done."""
    assert settings.tokens
    return Pass(settings.tokens, reference.commander(plan, SEED))


@asynccontextmanager
async def open_town(servers: Ground) -> AsyncIterator[Town]:
    """Empty databases and topics, then services at work in this process; where the environment
    names servers, the services that work there, which answer at CITY_URL."""
    if servers.given:
        url = os.environ.get("CITY_URL", DEFAULT)
        auth = pass_of(servers.given)
        async with httpx.AsyncClient(base_url=url, timeout=30, headers=ANY, auth=auth) as client:
            yield Town(servers.given, client, dict.fromkeys(NAMES))
        return
    async with town_of(await emptied(servers)) as town:
        yield town


async def emptied(servers: Ground) -> Settings:
    """Of a city with empty databases and topics."""
    file = provisioning.topics_file(ROOT)
    await forget_topics(servers, list(file.topics))
    return await servers.provide(SERVICES, file)


@asynccontextmanager
async def town_of(
    settings: Settings, services: Sequence[Service] = SERVICES
) -> AsyncIterator[Town]:
    """Services at work in this process, on what is there."""
    async with started(services, settings) as running:
        transport = httpx.ASGITransport(interface(running), raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport,
            base_url="http://city",
            headers=ANY,
            auth=pass_of(settings),
            event_hooks=HELD,
        ) as client:
            yield Town(settings, client, {one.service.name: one for one in running})


@asynccontextmanager
async def loaded(settings: Settings, services: Sequence[Service] = SERVICES) -> AsyncIterator[Town]:
    """These services at work, all of which know the small city."""
    async with town_of(settings, services) as town:
        await town.load(reference.batches(PLAN, SEED))
        await town.spread()
        yield town


async def forget_topics(servers: Ground, topics: Sequence[str]) -> None:
    if servers.given:
        pytest.skip("the topics of the environment are not ours to delete")
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.kafka)
    await admin.start()
    try:
        there = set(await admin.list_topics()) & set(topics)
        if there:
            await admin.delete_topics(list(there))
        await eventually(admin.list_topics, lambda left: not set(left) & set(topics))
    finally:
        await admin.close()
