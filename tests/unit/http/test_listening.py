"""Connections that wait are taken at once, on the loop that a process has."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import uvicorn
import uvloop
from fastapi import FastAPI

from libs.common.http import listening
from libs.common.http.connections import Connection
from libs.common.http.listening import Server
from libs.embedded.process import free_port
from tests.support.awaiting import eventually

MANY, FEW_TURNS = 300, 30


def made() -> Server:
    port = free_port(None)
    return Server(
        uvicorn.Config(
            FastAPI(), port=port, http=Connection, ws="none", lifespan="off", log_config=None
        )
    )


@contextmanager
def knocking(server: Server) -> Iterator[socket.socket]:
    with socket.socket() as one:
        one.setblocking(False)
        assert one.connect_ex(("127.0.0.1", server.config.port)) in (0, errno.EINPROGRESS)
        yield one


async def is_up(server: Server) -> bool:
    return server.started


def test_all_that_wait_are_taken_in_a_few_turns_of_the_loop() -> None:
    async def run() -> int:
        server, turns = made(), 0
        serving = asyncio.create_task(server.serve())
        await eventually(lambda: is_up(server), bool)
        with ExitStack() as crowd:
            for _ in range(MANY):
                crowd.enter_context(knocking(server))
            while len(server.server_state.connections) < MANY and turns <= FEW_TURNS:
                turns += 1
                await asyncio.sleep(0)
        server.should_exit = True
        await serving
        return turns

    assert uvloop.run(run()) <= FEW_TURNS


def test_it_goes_on_once_files_can_be_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "PAUSE_SECONDS", 0.01)

    async def run() -> None:
        loop, refused = asyncio.get_running_loop(), 0

        class Full(socket.socket):
            def accept(self) -> tuple[socket.socket, object]:
                nonlocal refused
                if refused < 3:
                    refused += 1
                    raise OSError(errno.EMFILE, "Too many open files")
                return super().accept()

        server = made()
        full = Full()
        full.bind(("127.0.0.1", 0))
        server.config.port = full.getsockname()[1]
        monkeypatch.setattr(server.config, "bind_socket", lambda: full)
        serving = asyncio.create_task(server.serve())
        await eventually(lambda: is_up(server), bool)
        with knocking(server) as one:
            await loop.sock_sendall(one, b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            assert b"404" in await asyncio.wait_for(loop.sock_recv(one, 100), 10)
        assert refused == 3
        server.should_exit = True
        await serving

    asyncio.run(run())
