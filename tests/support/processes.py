"""Services as processes that a test may kill and put up again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from libs.common.settings import Settings
from libs.embedded.process import free_port
from tests.support.awaiting import eventually
from tests.support.servers import ROOT


@dataclass
class ServiceProcess:
    """`arguments` follow `python -m`; `extra` is added to its environment."""

    arguments: Sequence[str]
    settings: Settings
    log: Path
    instance: str | None = None
    port: int = field(default_factory=lambda: free_port(None))
    admin_port: int = field(default_factory=lambda: free_port(None))
    process: subprocess.Popen[bytes] | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.arguments],
                cwd=ROOT,
                env={**os.environ, **self._environment()},
                stdout=log,
                stderr=log,
            )

    def start_with(self, failpoint: str) -> None:
        """It ends itself there; started again, it does not."""
        self.extra = {"CIVICGRID_FAILPOINT": failpoint}
        self.start()
        self.extra = {}

    def _environment(self) -> Mapping[str, str]:
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": self.settings.kafka_bootstrap_servers,
            "DATABASE_URL": self.settings.database_url,
            "CIVICGRID_PORT": str(self.port),
            "CIVICGRID_ADMIN_PORT": str(self.admin_port),
            "CIVICGRID_TOKENS": str(self.settings.tokens),
            "CIVICGRID_ACCOUNT_RATE": str(self.settings.account_rate),
            "CIVICGRID_ADDRESS_RATE": str(self.settings.address_rate),
        }
        instance = {"CIVICGRID_INSTANCE": self.instance} if self.instance else {}
        return {**environment, **instance, **self.extra}

    def kill(self) -> None:
        """As a power cut would."""
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """By SIGTERM; its exit code."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)

    async def ready(self) -> None:
        async with httpx.AsyncClient() as client:

            async def ask() -> int:
                try:
                    answer = await client.get(f"http://127.0.0.1:{self.admin_port}/ready")
                except httpx.HTTPError:
                    return 0
                return answer.status_code

            await eventually(ask, lambda status: status == 200, within=60)
