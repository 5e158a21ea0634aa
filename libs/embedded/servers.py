"""Both servers in one folder, with one owner at a time."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from libs.embedded import kafka, postgres
from libs.embedded.process import EmbeddedError, Process, free_port, is_reachable

NEEDED_BYTES = 1 << 30


@dataclass
class Servers:
    kafka: Process
    postgres: Process
    kafka_bootstrap_servers: str
    postgres_url: str
    room: Path
    _lock: IO[str]

    def stop(self) -> None:
        """Stop both and free the folder; the data stay."""
        self.kafka.stop()
        self.postgres.stop()
        self._lock.close()

    def wipe_kafka(self) -> None:
        """All topics and records are gone; the broker runs again, empty."""
        self.kafka.stop()
        shutil.rmtree(self.room / "kafka" / "data")
        port = int(self.kafka_bootstrap_servers.rpartition(":")[2])
        self.kafka = kafka.prepare(self.room, port, free_port(None))
        self.kafka.start()

    def __enter__(self) -> Servers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start(folder: Path, *, on_progress: Callable[[str], None] = lambda _: None) -> Servers:
    """Start both on `folder`, whose data are kept between runs. Raises EmbeddedError."""
    room = _room(folder)
    lock = _take(room)
    if shutil.disk_usage(room).free < NEEDED_BYTES:
        raise EmbeddedError(f"less than 1 GiB is free below {room}: make room, or choose a folder")
    ports = _ports(room, on_progress)
    on_progress("PostgreSQL starts")
    database, url = postgres.prepare(room, ports["postgres"])
    database.start()
    try:
        on_progress(kafka.starting())
        broker = kafka.prepare(room, ports["kafka"], ports["controller"])
        broker.start()
    except BaseException:
        database.stop()
        lock.close()
        raise
    return Servers(broker, database, f"127.0.0.1:{ports['kafka']}", url, room, lock)


def _room(folder: Path) -> Path:
    """`folder`, or as root one that the account of PostgreSQL can reach, always the same for it."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0 and not is_reachable(folder):
        name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"civicgrid-{name}"
        folder.mkdir(mode=0o711, exist_ok=True)
        if folder.stat().st_uid != 0 or not is_reachable(folder):
            raise EmbeddedError(f"{folder} is not usable: remove it, or set TMPDIR")
    return folder


def _take(room: Path) -> IO[str]:
    lock = (room / "owner.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        raise EmbeddedError(
            f"the servers in {room} belong to process {owner}, which still runs: stop it first"
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _ports(room: Path, on_progress: Callable[[str], None]) -> dict[str, int]:
    file = room / "ports.json"
    wanted = json.loads(file.read_text()) if file.exists() else {}
    ports: dict[str, int] = {}
    for name in ("kafka", "controller", "postgres"):
        port = free_port(wanted.get(name))
        while port in ports.values():
            port = free_port(None)
        if wanted.get(name) not in (None, port):
            on_progress(f"port {wanted[name]} is taken; {name} uses {port}")
        ports[name] = port
    file.write_text(json.dumps(ports))
    return ports
