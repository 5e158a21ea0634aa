"""The proxy does what it says: else a campaign would prove nothing about the network."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.faults.campaign.proxy import Proxy, Trouble

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """Before a server that says what it is told, in capitals."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.read(1000):
            writer.write(line.upper())
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    there = Proxy(server.sockets[0].getsockname()[1], random.Random(1))
    await there.start()
    yield there
    await there.stop()
    server.close()


@asynccontextmanager
async def opened(proxy: Proxy) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def said(streams: Streams, text: bytes) -> bytes:
    streams[1].write(text)
    return await asyncio.wait_for(streams[0].readexactly(len(text)), 5)


@pytest.mark.parametrize("trouble", [None, "latency", "slices"])
async def test_everything_arrives_however_slowly(proxy: Proxy, trouble: Trouble | None) -> None:
    async with opened(proxy) as streams:
        if trouble:
            proxy.begin(trouble, share=1)
        begun = time.monotonic()
        assert await said(streams, b"a" * 900) == b"A" * 900
        assert time.monotonic() - begun < 4
        assert proxy.met[trouble or "none"] == (trouble is not None)


async def test_a_reset_ends_those_that_are_there_and_those_that_come(proxy: Proxy) -> None:
    async with opened(proxy) as streams:
        assert await said(streams, b"a") == b"A"
        proxy.begin("reset", share=1)
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await said(streams, b"b")
    async with opened(proxy) as streams:
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await said(streams, b"c")
    proxy.heal()
    async with opened(proxy) as streams:
        assert await said(streams, b"d") == b"D"


async def test_half_open_is_silence_and_then_an_end(proxy: Proxy) -> None:
    async with opened(proxy) as streams:
        proxy.begin("half_open", share=1)
        streams[1].write(b"a")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(streams[0].read(1), 0.3)
        proxy.heal()
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(streams[0].readexactly(1), 5)


async def test_a_swallowed_response_was_asked_for_and_never_comes(proxy: Proxy) -> None:
    async with opened(proxy) as streams:
        proxy.begin("swallow", share=1)
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await said(streams, b"a")
    assert proxy.met["swallow"] == 1
