"""The `civicgrid` command as a user runs it: processes, standard output, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.city import SERVICES
from libs.common import provisioning
from libs.common.database import look
from libs.common.settings import Settings
from tests.support.accounts import sign_in
from tests.support.processes import ServiceProcess
from tests.support.servers import ROOT, Ground
from tests.support.town import forget_topics


def command(
    settings: Settings, *arguments: str, code: int = 0, url: str = "", home: Path | None = None
) -> str:
    """What the command prints; AssertionError if it does not end with `code`. `home`: of a user who
    is signed in, if anybody must be."""
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "DATABASE_URL": settings.database_url,
        "CITY_URL": url,
        "CIVICGRID_TOKENS": str(settings.tokens),
        **({"XDG_CONFIG_HOME": str(home)} if home else {}),
    }
    done = subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode == code, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def command_json(settings: Settings, *arguments: str) -> Any:
    return json.loads(command(settings, *arguments, "--json"))


@dataclass
class Commands:
    """A city that runs in a process of its own, and a founder who is signed in there."""

    settings: Settings
    process: ServiceProcess
    home: Path

    def run(self, *arguments: str, code: int = 0) -> str:
        url = self.process.url
        return command(self.settings, *arguments, code=code, url=url, home=self.home)

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code))

    async def rows(self, service: str, query: str, *values: Any) -> list[dict[str, Any]]:
        connection = await look(self.settings.url(service, "reader"))
        try:
            return [dict(row) for row in await connection.fetch(query, *values)]
        finally:
            await connection.close()


@asynccontextmanager
async def city_up(servers: Ground, folder: Path) -> AsyncIterator[Commands]:
    """`civicgrid up` on empty databases and topics."""
    file = provisioning.topics_file(ROOT)
    await forget_topics(servers, list(file.topics))
    settings = await servers.provide(SERVICES, file)
    process = ServiceProcess(("cli", "up"), settings, folder / "up.log")
    process.start()
    try:
        await process.ready()
        sign_in(settings, process.url, folder / "home")
        yield Commands(settings, process, folder / "home")
    finally:
        assert process.stop() == 0
