"""A TCP proxy that makes the network bad: slow, cut, silent, in single bytes, without an answer.

It stands between the services and one server. Trouble is of a kind, for a time, for a share of the
connections; a connection that opens meanwhile may get its part of it.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

Trouble = Literal["latency", "reset", "half_open", "slices", "swallow"]
TROUBLES: tuple[Trouble, ...] = ("latency", "reset", "half_open", "slices", "swallow")

CHUNK = 64 * 1024
LATENCY_SECONDS = 0.25
SLICED = 200
"""Bytes of each chunk that go one by one; all of them would only measure this proxy."""
AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER of zero: closing sends a reset."""
GONE = (OSError, RuntimeError)
"""What is raised where the connection was cut meanwhile, by one event loop or another."""


@dataclass(eq=False)
class Link:
    """One client and its connection to the server. `asked`: since the trouble began, the client
    sent something whose answer is to be swallowed."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    trouble: Trouble | None = None
    asked: bool = False
    free: asyncio.Event = field(default_factory=asyncio.Event)

    def reset(self) -> None:
        for writer in (self.client, self.server):
            with suppress(OSError, AttributeError, ValueError):  # it is gone already
                raw = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            writer.transport.abort()
        self.free.set()


class Proxy:
    """`met`: how many connections each kind of trouble came to."""

    def __init__(self, upstream: int, chance: random.Random) -> None:
        self.upstream, self._chance = upstream, chance
        self.met: Counter[str] = Counter()
        self._links: set[Link] = set()
        self._trouble: Trouble | None = None
        self._share = 0.0
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port, limit=CHUNK)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.heal()
        for link in list(self._links):
            link.reset()
        if self._server:
            self._server.close()

    def begin(self, trouble: Trouble, share: float) -> None:
        """To that share of the connections, those that are and those that come."""
        self._trouble, self._share = trouble, share
        for link in list(self._links):
            self._afflict(link)

    def forget(self) -> None:
        """The connections that are there say nothing more, and are never cut; new ones are well."""
        self.begin("half_open", share=1)
        self._trouble = None

    def heal(self) -> None:
        """New connections are well at once; those that were silent are cut, as by a router that
        forgot them."""
        self._trouble = None
        for link in list(self._links):
            silent = link.trouble == "half_open"
            link.trouble = None
            link.free.set()
            if silent:
                link.reset()

    def _afflict(self, link: Link) -> None:
        if self._trouble is None or self._chance.random() >= self._share:
            return
        if self._trouble == "reset":
            self.met["reset"] += 1
            link.reset()
            return
        link.trouble, link.asked = self._trouble, False
        link.free.clear()
        if self._trouble != "swallow":
            self.met[self._trouble] += 1

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", self.upstream, limit=CHUNK)
        except OSError:
            writer.transport.abort()
            return
        link = Link(writer, there[1])
        for one in (link.client, link.server):
            one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._links.add(link)
        self._afflict(link)
        try:
            await asyncio.gather(self._forth(link, reader), self._back(link, there[0]))
        finally:
            self._links.discard(link)
            for one in (link.client, link.server):
                one.transport.abort()

    async def _forth(self, link: Link, reader: asyncio.StreamReader) -> None:
        with suppress(*GONE):
            while chunk := await reader.read(CHUNK):
                await self._pass_on(link, link.server, chunk)
                link.asked = link.trouble == "swallow"
        _end(link.server)

    async def _back(self, link: Link, reader: asyncio.StreamReader) -> None:
        with suppress(*GONE):
            while chunk := await reader.read(CHUNK):
                if link.trouble == "swallow" and link.asked:
                    self.met["swallow"] += 1
                    link.reset()
                    return
                await self._pass_on(link, link.client, chunk)
        _end(link.client)

    async def _pass_on(self, link: Link, writer: asyncio.StreamWriter, chunk: bytes) -> None:
        match link.trouble:
            case "half_open":
                await link.free.wait()
            case "latency":
                await asyncio.sleep(self._chance.uniform(0, 2 * LATENCY_SECONDS))
            case "slices":
                for n in range(min(SLICED, len(chunk))):
                    writer.write(chunk[n : n + 1])
                    await asyncio.sleep(0)
                chunk = chunk[SLICED:]
        writer.write(chunk)
        await writer.drain()


def _end(writer: asyncio.StreamWriter) -> None:
    with suppress(*GONE):
        if writer.can_write_eof():
            writer.write_eof()
