"""A real Kafka and a real PostgreSQL for tests: those of the environment, else containers where a
Docker engine answers, else embedded ones."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import asyncpg
import pytest

from libs.common import database, provisioning, settings
from libs.common.service import Service
from libs.common.settings import Settings
from libs.common.topics import File
from libs.embedded import servers
from libs.rights.tokens import make_keys
from tests.support import containers
from tests.support.containers import Containers

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".data" / "tests" / os.environ.get("PYTEST_XDIST_WORKER", "alone")
"""One for each that runs tests at the same time."""
TOKENS = FOLDER / "tokens"
PASSWORD = "only-for-tests"
OFTEN = {"account_rate": 1e6, "address_rate": 1e6}
"""One account does in tests what a city does."""


@dataclass(frozen=True)
class Ground:
    """What a test stands on. `own`: servers that it may kill; None where the environment names
    those of `given`, with services at work on them."""

    kafka: str
    admin_url: str
    own: servers.Servers | Containers | None = None
    given: Settings | None = None

    @property
    def database_url(self) -> str:
        host = self.admin_url.rpartition("@")[2].partition("/")[0]
        return f"postgresql://{{role}}:{PASSWORD}@{host}/{{service}}"

    def settings(self) -> Settings:
        return Settings.model_validate(
            {
                "KAFKA_BOOTSTRAP_SERVERS": self.kafka,
                "DATABASE_URL": self.database_url,
                "tokens": TOKENS,
                **OFTEN,
            }
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


@cache
def kind_of_servers() -> Literal["given", "containers", "embedded"]:
    if os.environ.get("KAFKA_BOOTSTRAP_SERVERS") and os.environ.get("DATABASE_URL"):
        return "given"
    return "containers" if containers.are_here() else "embedded"


@contextmanager
def ground(folder: Path = FOLDER) -> Iterator[Ground]:
    """`folder`: of embedded servers."""
    make_keys(TOKENS)
    kind = kind_of_servers()
    if kind == "given":
        given = settings.load()
        yield Ground(given.kafka_bootstrap_servers, "", given=given)
        return
    with containers.start() if kind == "containers" else servers.start(folder) as own:
        yield Ground(own.kafka_bootstrap_servers, own.postgres_url, own)


def unique(name: str) -> str:
    """Names of topics and databases that no other test uses."""
    return f"{name}_{uuid.uuid4().hex[:8]}"
