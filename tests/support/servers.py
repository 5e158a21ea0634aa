"""A real Kafka and a real PostgreSQL for tests: those of the environment, else embedded ones."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from libs.common import database, provisioning, settings
from libs.common.service import Service
from libs.common.settings import Settings
from libs.common.topics import File
from libs.embedded import servers

ROOT = Path(__file__).parents[2]
PASSWORD = "only-for-tests"


@dataclass(frozen=True)
class Ground:
    """What a test stands on. `given`: servers that the environment names, with services at work on
    them; `embedded` is None then."""

    kafka: str
    admin_url: str
    embedded: servers.Servers | None = None
    given: Settings | None = None

    @property
    def database_url(self) -> str:
        host = self.admin_url.rpartition("@")[2].partition("/")[0]
        return f"postgresql://{{role}}:{PASSWORD}@{host}/{{service}}"

    def settings(self) -> Settings:
        return Settings.model_validate(
            {"KAFKA_BOOTSTRAP_SERVERS": self.kafka, "DATABASE_URL": self.database_url}
        )

    async def provide(self, services: Sequence[Service], topics: File) -> Settings:
        """Empty databases and new topics for these services."""
        if self.given:
            pytest.skip("the servers of the environment are not ours to empty")
        names = provisioning.databases(services)
        connection = await asyncpg.connect(self.admin_url)
        for name in names:
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await connection.close()
        await database.create(self.admin_url, names, lambda _: PASSWORD)
        await provisioning.migrate(services, self.settings())
        await provisioning.apply_topics(self.kafka, topics)
        return self.settings()


@contextmanager
def ground() -> Iterator[Ground]:
    if os.environ.get("KAFKA_BOOTSTRAP_SERVERS") and os.environ.get("DATABASE_URL"):
        given = settings.load()
        yield Ground(given.kafka_bootstrap_servers, "", given=given)
        return
    with servers.start(ROOT / ".data" / "tests") as embedded:
        yield Ground(embedded.kafka_bootstrap_servers, embedded.postgres_url, embedded)


def unique(name: str) -> str:
    """Names of topics and databases that no other test uses."""
    return f"{name}_{uuid.uuid4().hex[:8]}"
