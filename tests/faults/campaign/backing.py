"""The broker and the database that the services reach through proxies, and what befalls them."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg

from cli.city import SERVICES
from libs.common import database, provisioning
from libs.common.database import session
from libs.common.relay import republish
from libs.common.settings import Settings
from libs.embedded import kafka, servers
from libs.embedded.process import free_port
from libs.embedded.servers import Servers
from tests.faults.campaign.proxy import Proxy
from tests.support.awaiting import eventually
from tests.support.servers import OFTEN, PASSWORD, ROOT, TOKENS, Ground
from tests.support.town import forget_topics

TOPICS = provisioning.topics_file(ROOT)
LONG_AGO = "2020-01-01"

SLOW_COMMITS = """
CREATE SEQUENCE slow_commits;
CREATE FUNCTION commit_slowly() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    IF random() < 0.03 THEN
        PERFORM nextval('slow_commits'), pg_sleep(random() * 0.6);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER commit_slowly AFTER INSERT ON event
    FOR EACH STATEMENT EXECUTE FUNCTION commit_slowly();
"""
"""At the end of the one statement of a transaction: it has its id and its positions, and others
commit before it."""

LEAP = """
INSERT INTO clock (base, began, rate)
SELECT clock_timestamp() + $1::interval, clock_timestamp(), 1
"""


class Backing:
    """`settings` lead through the proxies, `direct` do not."""

    def __init__(self, embedded: Servers, chance: random.Random, through: Proxy) -> None:
        self._embedded, self._chance = embedded, chance
        self._ground = Ground(embedded.kafka_bootstrap_servers, embedded.postgres_url, own=embedded)
        self.direct = self._ground.settings()
        self._inner = free_port(None)
        self.kafka, self.postgres = Proxy(self._inner, chance), through

    @property
    def settings(self) -> Settings:
        url = f"postgresql://{{role}}:{PASSWORD}@127.0.0.1:{self.postgres.port}/{{service}}"
        kafka = f"127.0.0.1:{self.kafka.port}"
        told = {"KAFKA_BOOTSTRAP_SERVERS": kafka, "DATABASE_URL": url, "tokens": TOKENS}
        return Settings.model_validate(told | OFTEN)

    @property
    def bootstrap(self) -> str:
        return self.direct.kafka_bootstrap_servers

    async def begin(self, slow_commits: bool) -> None:
        """Empty databases and topics, with the proxies before them."""
        await self.kafka.start()
        await self.postgres.start()
        await asyncio.to_thread(self._put_behind_proxy)
        await forget_topics(self._ground, list(TOPICS.topics))
        await self._ground.provide(SERVICES, TOPICS)
        if slow_commits:
            for service in SERVICES:
                async with session(self.direct.url(service.name, "owner")) as owner:
                    await owner.execute(SLOW_COMMITS)

    def _put_behind_proxy(self) -> None:
        self._embedded.kafka.stop()
        self._advertise()
        self._embedded.kafka.start()

    def _advertise(self) -> None:
        """A second listener, whose clients are told to come by the proxy."""
        file = self._embedded.room / "kafka" / "server.properties"
        port = self.bootstrap.rpartition(":")[2]
        plain = f"PLAINTEXT://127.0.0.1:{port}"
        lines = []
        for line in file.read_text().splitlines():
            if line.startswith("listeners="):
                line = line.replace(plain, f"{plain},PROXIED://127.0.0.1:{self._inner}")
            elif line.startswith("advertised.listeners="):
                line += f",PROXIED://127.0.0.1:{self.kafka.port}"
            lines.append(line)
        names = ("PLAINTEXT", "PROXIED", "CONTROLLER")
        lines.append(
            f"listener.security.protocol.map={','.join(f'{name}:PLAINTEXT' for name in names)}"
        )
        file.write_text("\n".join(lines) + "\n")

    async def break_broker(self, how: int, seconds: float) -> None:
        """By SIGKILL, SIGTERM or SIGSTOP; well again after that time."""
        broker = self._embedded.kafka
        if how == signal.SIGSTOP:
            os.kill(broker.pid, signal.SIGSTOP)
            await asyncio.sleep(seconds)
            os.kill(broker.pid, signal.SIGCONT)
            return
        await asyncio.to_thread(broker.kill if how == signal.SIGKILL else broker.stop)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(broker.start)

    async def break_database(self, how: int, seconds: float) -> None:
        """By SIGKILL, from which it comes back by recovery; by SIGTERM; or by SIGSTOP to all of its
        processes."""
        server = self._embedded.postgres
        if how == signal.SIGSTOP:
            stopped = _with_children(server.pid)
            _signal(stopped, signal.SIGSTOP)
            await asyncio.sleep(seconds)
            _signal(stopped, signal.SIGCONT)
            return
        await asyncio.to_thread(server.kill if how == signal.SIGKILL else server.stop)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(server.start)

    async def break_session(self) -> bool:
        """One session of a service is ended by an operator; False where there is none."""
        async with session(self._embedded.postgres_url) as admin:
            pids = await admin.fetch(
                "SELECT pid FROM pg_stat_activity WHERE datname = ANY($1)"
                " AND backend_type = 'client backend'",
                [service.name for service in SERVICES],
            )
            if pids:
                pid = self._chance.choice(pids)["pid"]
                await admin.execute("SELECT pg_terminate_backend($1)", pid)
            return bool(pids)

    async def leap(self, by: timedelta) -> None:
        """The clock of the city is ahead from now on; no service may run."""
        for service in SERVICES:
            async with session(self.direct.url(service.name, "owner")) as owner:
                await owner.execute(LEAP, by)

    async def wipe_broker(self) -> None:
        """All topics and records are gone; the journals are published anew, and the topics made."""
        await asyncio.to_thread(self._wipe)
        await asyncio.gather(*(self._republish(service.name) for service in SERVICES))
        await provisioning.apply_topics(self.bootstrap, TOPICS)

    async def _republish(self, service: str) -> None:
        async with session(self.direct.url(service, "writer")) as writer:
            since = await writer.fetchval(f"SELECT '{LONG_AGO}'::timestamptz")
            await republish(writer, since)

    def _wipe(self) -> None:
        self._embedded.kafka.stop()
        shutil.rmtree(self._embedded.room / "kafka" / "data")
        port = int(self.bootstrap.rpartition(":")[2])
        self._embedded.kafka = kafka.prepare(self._embedded.room, port, free_port(None))
        self._advertise()
        self._embedded.kafka.start()

    async def back_up(self, service: str) -> None:
        """A copy of its database, as of one moment; nobody may be connected meanwhile."""
        await self._administer(
            f"DROP DATABASE IF EXISTS {service}_backup",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{service}'",
        )
        async with session(self._embedded.postgres_url) as admin:
            await eventually(lambda: self._copied(admin, service), lambda copied: copied, within=30)

    async def _copied(self, admin: Any, service: str) -> bool:
        try:
            await admin.execute(f"CREATE DATABASE {service}_backup TEMPLATE {service}")
        except asyncpg.ObjectInUseError:
            return False
        return True

    async def restore(self, service: str) -> None:
        await self._administer(
            f"DROP DATABASE {service} WITH (FORCE)",
            f"CREATE DATABASE {service} TEMPLATE {service}_backup OWNER {service}_owner",
        )
        await database.create(self._embedded.postgres_url, [service], lambda _: PASSWORD)

    async def _administer(self, *statements: str) -> None:
        async with session(self._embedded.postgres_url) as admin:
            for statement in statements:
                await admin.execute(statement)

    async def slow_commits(self) -> int:
        """How many there were."""
        total = 0
        for service in SERVICES:
            async with session(self.direct.url(service.name, "owner")) as owner:
                total += await owner.fetchval(
                    "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM slow_commits"
                )
        return total


def _with_children(pid: int) -> list[int]:
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def _signal(pids: Sequence[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@asynccontextmanager
async def backing(
    folder: Path, chance: random.Random, *, slow_commits: bool
) -> AsyncIterator[Backing]:
    embedded = await asyncio.to_thread(servers.start, folder)
    port = int(embedded.postgres_url.rpartition("@")[2].partition("/")[0].rpartition(":")[2])
    there = Backing(embedded, chance, Proxy(port, chance))
    try:
        await there.begin(slow_commits)
        yield there
    finally:
        await there.kafka.stop()
        await there.postgres.stop()
        await asyncio.to_thread(embedded.stop)
