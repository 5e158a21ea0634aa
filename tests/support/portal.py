"""A portal over a real Kafka and a real PostgreSQL, and people who come to its door."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pyotp
from aiokafka import AIOKafkaConsumer
from fastapi import FastAPI

from libs.common import provisioning
from libs.common.database import session
from libs.common.ids import uuid7
from libs.common.serving import interface, started
from libs.common.settings import Settings
from libs.rights.tokens import Bearer, Signer
from services.portal.main import SERVICE
from tests.support.awaiting import eventually
from tests.support.servers import ROOT, TOKENS, Ground
from tests.support.town import HELD, forget_topics

PASSWORD = "a Harbour at low tide"
OTHER_PASSWORD = "the Hill behind the school"
REFUSED = (401, "unauthorised")
NOT_LET_IN = (401, "not_let_in")
"""At the door, whatever is wrong."""


def founder_token(account: UUID | None = None) -> str:
    end = int(time.time()) + 300
    return Signer(TOKENS).sign(Bearer(account or uuid4(), uuid4(), None, True, True, end))


@dataclass
class Person:
    """Somebody with an account, and what they know."""

    id: str
    name: str
    invitation: str
    password: str = PASSWORD
    secret: str | None = None
    activated_at: float | None = None

    def code(self, steps: int) -> str | None:
        """Of the half minute that is so many after the one in which the account was activated, or
        after this one: on a slow machine, time passes between two requests."""
        return self.secret and pyotp.TOTP(self.secret).at(self._begun + 30 * steps)

    @property
    def _begun(self) -> float:
        return time.time() if self.activated_at is None else self.activated_at


class Portal:
    """Every test has an address of its own, as each has ten tries a minute, and a new token of a
    founder, as one is good for five."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        self.settings = settings
        self._app = app
        self._addresses = (f"10.0.0.{n}" for n in range(1, 255))
        self._account = uuid4()
        self.come_from_elsewhere()

    def come_from_elsewhere(self) -> None:
        self.founder = founder_token(self._account)
        told = (next(self._addresses), 1)
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False, client=told)
        self.client = httpx.AsyncClient(
            transport=transport, base_url="http://city", event_hooks=HELD
        )

    async def post(
        self, path: str, body: Any = None, token: str | None = None, **headers: str
    ) -> httpx.Response:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            told["Authorization"] = f"Bearer {token}"
        return await self.client.post(path, json=body, headers={"If-Match": "*"} | told)

    async def get(self, path: str, token: str) -> httpx.Response:
        return await self.client.get(path, headers={"Authorization": f"Bearer {token}"})

    async def open(self, **more: Any) -> Person:
        name = more.pop("name", f"n{uuid4().hex[:12]}")
        body = {"name": name, "person_ref": str(uuid7())} | more
        answer = await self.post("/accounts", body, self.founder)
        assert answer.status_code == 201, answer.text
        return Person(answer.json()["id"], name, answer.json()["invitation"])

    async def activate(self, person: Person) -> httpx.Response:
        body = {"name": person.name, "invitation": person.invitation, "password": person.password}
        if person.secret:
            person.activated_at = person.activated_at or time.time()
            body |= {"totp_secret": person.secret, "code": str(person.code(0))}
        return await self.post("/accounts/activate", body)

    async def sign_in(self, person: Person, **more: Any) -> httpx.Response:
        body = {"name": person.name, "password": person.password, "code": person.code(1)}
        return await self.post("/sign-in", body | more)

    async def worker(self) -> Person:
        """Of the role that needs no second factor."""
        person = await self.open(second_factor=False)
        answer = await self.activate(person)
        assert answer.status_code == 200, answer.text
        return person

    async def signed_in(self, person: Person, **more: Any) -> dict[str, str]:
        answer = await self.sign_in(person, **more)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def rows(self, query: str, *values: Any) -> list[asyncpg.Record]:
        async with session(self.settings.url("portal", "owner")) as connection:
            return list(await connection.fetch(query, *values))


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@asynccontextmanager
async def open_portal(servers: Ground, **more: Any) -> AsyncIterator[Portal]:
    """`more`: settings besides."""
    file = provisioning.topics_file(ROOT)
    await forget_topics(servers, list(file.topics))
    settings = (await servers.provide([SERVICE], file)).model_copy(update=more)
    async with started([SERVICE], settings) as running:
        yield Portal(interface(running), settings)


async def records_of(portal: Portal) -> list[dict[str, Any]]:
    """All that was published, once all that is stored is."""

    async def stored() -> int:
        count = "SELECT count(*) FROM event WHERE topic = $1"
        return int((await portal.rows(count, SERVICE.topic))[0][0])

    consumer = AIOKafkaConsumer(
        SERVICE.topic,
        bootstrap_servers=portal.settings.kafka_bootstrap_servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    found: list[dict[str, Any]] = []

    async def read() -> int:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            found.extend(json.loads(record.value) for record in records)
        return len(found)

    try:
        count = await stored()
        await eventually(read, lambda number: number >= count)
    finally:
        await consumer.stop()
    return found


async def everything_of(portal: Portal) -> str:
    """Every row of every table of the portal, as text."""
    tables = await portal.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    texts = [await portal.rows(f"SELECT t::text FROM {name} AS t") for (name,) in tables]
    return "\n".join(row[0] for rows in texts for row in rows)
