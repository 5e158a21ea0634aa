"""The crowd of the spike benchmark: it must not be the limit that it looks for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from bench import clients, spike
from bench.machine import yardstick_ms
from cli.passes import Pass
from libs.rights.tokens import make_keys

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@pytest.fixture
async def instant() -> AsyncIterator[str]:
    """The URL of a server that says yes to everything at once."""

    async def yes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(100_000):
            writer.write(ANSWER)

    server = await asyncio.start_server(yes, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def test_a_request_costs_the_crowd_little(instant: str, tmp_path: Path) -> None:
    """3,500 a second are asked for at 20 times the arrivals: more than 0.3 ms each is too much, by
    a core that takes 50 ms for the yardstick."""
    make_keys(tmp_path)
    size = spike.Size(1, 0, 0.2, (20,))
    begun = time.process_time()
    lives = await spike.spiking(instant, Pass(tmp_path, UUID(int=1)), ["c" * 16], size, 20, 0)
    used = time.process_time() - begun
    assert len(lives.took) == 5 * len(lives.steps) > 1500 and not lives.failed
    slower = yardstick_ms() / 50
    assert used / len(lives.took) < 0.001 * slower, "the server's part included"


async def test_a_server_that_hangs_up_is_a_failure_and_not_the_end() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    crowd = clients.Crowd(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert await crowd.ask("GET", "/leads", "", {}) == (0, {})
    server.close()
