"""The processes that are measured: each ends with the measurement, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.machine import ROOT
from bench.stand import FOLDER, Stand
from libs.common.settings import Settings
from libs.embedded.process import free_port

UNLIMITED = "1000000"
"""One account does here what a city does."""
PATIENCE_SECONDS, OFTEN_SECONDS = 30, 0.02
LOG = FOLDER / "processes.log"


@dataclass(frozen=True)
class Service:
    """A process of ours, with where it answers."""

    process: subprocess.Popen[bytes]
    url: str
    admin_port: int

    @property
    def pid(self) -> int:
        return self.process.pid

    def await_ready(self) -> None:
        answered(f"http://127.0.0.1:{self.admin_port}/ready").raise_for_status()


def answered(url: str) -> httpx.Response:
    """As soon as anybody listens there; httpx.ConnectError where nobody does in half a minute. (The
    client's own retries come ever more slowly, which would be measured too.)"""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with httpx.Client(timeout=PATIENCE_SECONDS) as client:
        while True:
            try:
                return client.get(url)
            except httpx.ConnectError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(OFTEN_SECONDS)


@contextmanager
def peer(name: str, stand: Stand, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`arguments` follow the address of Kafka: see `bench.peers`."""
    process = begun_peer(name, stand, *arguments)
    try:
        yield process
    finally:
        end([process])


@contextmanager
def service(
    arguments: Sequence[str], settings: Settings, more: Mapping[str, str] | None = None
) -> Iterator[Service]:
    """`arguments` follow `python -m`; `more` is set in the environment."""
    one = begun(arguments, settings, more)
    try:
        yield one
    finally:
        end([one.process])


@contextmanager
def running(names: Sequence[str], settings: Settings) -> Iterator[Mapping[str, Service]]:
    """Services of the city, a process each, all of them ready."""
    started = {name: begun([f"services.{name}"], settings) for name in names}
    try:
        for one in started.values():
            one.await_ready()
        yield started
    finally:
        end([one.process for one in started.values()])


def begun(
    arguments: Sequence[str], settings: Settings, more: Mapping[str, str] | None = None
) -> Service:
    """It is the caller's to end it: `end`."""
    port, admin_port = free_port(None), free_port(None)
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "DATABASE_URL": settings.database_url,
        "CIVICGRID_PORT": str(port),
        "CIVICGRID_ADMIN_PORT": str(admin_port),
        "CIVICGRID_INSTANCE": "0",
        "CIVICGRID_TOKENS": str(settings.tokens),
        "CIVICGRID_ACCOUNT_RATE": UNLIMITED,
        "CIVICGRID_ADDRESS_RATE": UNLIMITED,
    }
    process = _begun(arguments, environment | dict(more or {}))
    return Service(process, f"http://127.0.0.1:{port}", admin_port)


def begun_peer(name: str, stand: Stand, *arguments: str) -> subprocess.Popen[bytes]:
    """It is the caller's to end it, as with `begun`."""
    return _begun([f"bench.peers.{name}", stand.bootstrap, *arguments], {})


def _begun(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    Path(LOG).parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=out,
            stderr=out,
        )


def end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """By SIGTERM, and after some seconds by SIGKILL; one that is held is let go first."""
    for process in processes:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(12)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
