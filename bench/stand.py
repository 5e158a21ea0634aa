"""What all benchmarks stand on: one Kafka and one PostgreSQL, with room for each side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench import machine
from cli import ground
from cli.screen import tell
from libs.common import database, provisioning
from libs.common.database import session
from libs.common.service import Service
from libs.common.settings import Settings, SettingsError
from libs.embedded.servers import Servers
from services.registry import reference
from services.registry.reference.plan import Plan

FOLDER = machine.ROOT / ".data" / "bench"
PARTITIONS = 12
ZHUCHENG = reference.read_plan(reference.ZHUCHENG)


@dataclass(frozen=True)
class Spent:
    """Seconds of CPU. `postgres` and `kafka` are 0 where the servers are not ours."""

    python: float
    postgres: float
    kafka: float

    def since(self, before: Spent) -> Spent:
        return Spent(
            self.python - before.python,
            self.postgres - before.postgres,
            self.kafka - before.kafka,
        )

    def each(self, count: float, unit: str) -> dict[str, float]:
        """Microseconds for each of `count`, such as `an_event`, and all of them."""
        parts = {"python": self.python, "postgres": self.postgres, "kafka": self.kafka}
        each = {name: seconds * 1e6 / count for name, seconds in parts.items()}
        found = {f"{name}_us_{unit}": value for name, value in each.items()}
        return {**found, f"cpu_us_{unit}": sum(each.values())}


@dataclass(frozen=True)
class Stand:
    """`admin_url`: of a superuser of PostgreSQL; `plan`: of the city that stands here."""

    settings: Settings
    admin_url: str
    servers: Servers | None
    plan: Plan

    @property
    def bootstrap(self) -> str:
        return self.settings.kafka_bootstrap_servers

    def spent(self, pids: Sequence[int]) -> Spent:
        """Until now: by the processes `pids`, and by the servers."""
        python = sum(machine.cpu_seconds(pid) for pid in pids)
        if not self.servers:
            return Spent(python, 0, 0)
        postgres = machine.tree_cpu_seconds(self.servers.postgres.pid)
        kafka = machine.cpu_seconds(self.servers.kafka.pid)
        return Spent(python, postgres, kafka)

    async def postgres_version(self) -> str:
        async with session(self.admin_url) as connection:
            return str(await connection.fetchval("SHOW server_version"))

    async def fresh_database(self, name: str) -> str:
        """An empty one; its URL, of the superuser."""
        async with session(self.admin_url) as connection:
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            await connection.execute(f"CREATE DATABASE {name}")
        return self.superuser_url(name)

    async def drop_database(self, name: str) -> None:
        async with session(self.admin_url) as connection:
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def has_database(self, name: str) -> bool:
        async with session(self.admin_url) as connection:
            query = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)"
            return bool(await connection.fetchval(query, name))

    async def copy_database(self, name: str, to: str, service: str) -> None:
        """With the same owner; nobody may be connected to it."""
        async with session(self.admin_url) as connection:
            told = f"OWNER {service}_owner TEMPLATE {name} STRATEGY file_copy"
            await connection.execute(f"CREATE DATABASE {to} {told}")

    async def fresh_service(self, service: Service) -> None:
        """Its database with empty tables, and its topic."""
        await self.drop_database(service.name)
        names = provisioning.databases([service])
        await database.create(self.admin_url, names, self.settings.password)
        await provisioning.migrate([service], self.settings)
        await self.fresh_topics(service.topic)

    def superuser_url(self, name: str) -> str:
        return urlunsplit(urlsplit(self.admin_url)._replace(path=f"/{name}"))

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    async def fresh_topics(self, *names: str) -> None:
        await self.forget_topics(*names)
        async with self.admin() as admin:
            await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
        async with self.ends(*names) as ends:
            await ends.count()  # answers once every partition has a leader

    async def forget_topics(self, *names: str) -> None:
        async with self.admin() as admin:
            there = [name for name in await admin.list_topics() if name in names]
            if there:
                await admin.delete_topics(there)
            while set(names) & set(await admin.list_topics()):
                await asyncio.sleep(0.05)

    @asynccontextmanager
    async def ends(self, *topics: str) -> AsyncIterator[Ends]:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap)
        await consumer.start()
        try:
            yield Ends(consumer, topics)
        finally:
            await consumer.stop()


@dataclass(frozen=True)
class Ends:
    """How many records have ever been published on some topics."""

    consumer: AIOKafkaConsumer
    topics: Sequence[str]

    async def by_topic(self) -> dict[str, int]:
        asked = [TopicPartition(topic, n) for topic in self.topics for n in range(PARTITIONS)]
        found = await self.consumer.end_offsets(asked)
        return {
            topic: sum(end for tp, end in found.items() if tp.topic == topic)
            for topic in self.topics
        }

    async def count(self) -> int:
        return sum((await self.by_topic()).values())


@contextmanager
def opened() -> Iterator[Stand]:
    """Raises SettingsError where the servers of the environment come without a superuser."""
    with ground.opened(tell, FOLDER) as there:
        if not there.admin_url:
            raise SettingsError("benchmarks make databases: set CIVICGRID_ADMIN_URL too")
        yield Stand(there.settings, there.admin_url, there.servers, ZHUCHENG)
