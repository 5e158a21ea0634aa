"""The five services, a process each, for as long as a measurement lasts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from libs.common.settings import Settings
from libs.embedded.process import free_port

ROOT = Path(__file__).parents[1]


@contextmanager
def running(names: Sequence[str], settings: Settings, log: Path) -> Iterator[dict[str, str]]:
    """By name, where each answers."""
    ports = {name: (free_port(None), free_port(None)) for name in names}
    started = [_start(name, ports[name], settings, log) for name in names]
    try:
        for _, admin_port in ports.values():
            _await_ready(admin_port)
        yield {name: f"http://127.0.0.1:{port}" for name, (port, _) in ports.items()}
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(20)


def _start(
    name: str, ports: tuple[int, int], settings: Settings, log: Path
) -> subprocess.Popen[bytes]:
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "DATABASE_URL": settings.database_url,
        "CIVICGRID_PORT": str(ports[0]),
        "CIVICGRID_ADMIN_PORT": str(ports[1]),
        "CIVICGRID_INSTANCE": "0",
    }
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", f"services.{name}"],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=out,
            stderr=out,
        )


def _await_ready(port: int) -> None:
    """Connections are tried again for half a minute."""
    transport = httpx.HTTPTransport(retries=10)
    with httpx.Client(transport=transport, timeout=30) as client:
        client.get(f"http://127.0.0.1:{port}/ready").raise_for_status()
