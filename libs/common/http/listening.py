"""The listener of a process: it looks at every connection that waits, each time it looks."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn

log = structlog.get_logger()

BACKLOG = 4096
"""Connections that the kernel holds until the process looks at them: as many as Linux allows, for
it drops what comes beyond, where the process would refuse it."""
PAUSE_SECONDS = 1.0
"""While the process may open no more files."""


def allow_files() -> None:
    """As many as this process may have at all: by default it would run out of them before it has
    all the connections that it takes."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def leave_no_core() -> None:
    """What this process has in hand is written nowhere if it dies (row P29). One byte is no room
    for a file; and Linux, which hands cores to a program whatever the limit, hands it none at that
    one, the limit of such programs themselves (`fs/coredump.c`)."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    least = 0 if most == 0 else 1
    resource.setrlimit(resource.RLIMIT_CORE, (least, least))


class Server(uvicorn.Server):
    """Takes connections itself: uvloop takes one in each turn of its loop (libuv, pull request
    3696), so that under load the kernel would drop most of those that come."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._making: set[asyncio.Task[None]] = set()
        self._again: asyncio.TimerHandle | None = None
        self._listener = self.config.bind_socket()
        self._listener.setblocking(False)
        self._listener.listen(BACKLOG)
        await super().startup(sockets=[])
        self._look()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._look_away()
        self._listener.close()
        await super().shutdown(sockets=[])

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the process, not to one of its listeners."""
        yield

    def _look(self) -> None:
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def _look_away(self) -> None:
        asyncio.get_running_loop().remove_reader(self._listener)
        if self._again:
            self._again.cancel()

    def _accept(self) -> None:
        """All that wait."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                accepted, _ = self._listener.accept()
                task = loop.create_task(self._connect(accepted))
                self._making.add(task)
                task.add_done_callback(self._making.discard)
        except BlockingIOError:
            return
        except OSError as error:
            log.warning("no connection can be taken", error=error.strerror)
            self._look_away()
            self._again = loop.call_later(PAUSE_SECONDS, self._look)

    async def _connect(self, accepted: socket.socket) -> None:
        try:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, accepted)
        except OSError:  # whoever it was has gone already
            accepted.close()

    def _protocol(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
