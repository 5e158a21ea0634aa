"""Clients that ask over HTTP as fast as they are answered, each on a connection of its own.

They cost some 50 us a request: a full client library would be the limit on two cores.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cli.board import percentile

PATIENCE_SECONDS = 60
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Answers:
    """`milliseconds`: of each that was taken. `refused`: how many were not, by status."""

    seconds: float = 0
    milliseconds: list[float] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        return len(self.milliseconds) / self.seconds

    def at(self, share: float) -> float:
        return percentile(sorted(self.milliseconds), share) or 0


def post(url: str, body: str, headers: Mapping[str, str] | None = None) -> bytes:
    """A request as it goes over the wire."""
    return request("POST", url, body, headers or {})


def request(verb: str, url: str, body: str, headers: Mapping[str, str]) -> bytes:
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    lines = [f"{verb} {path} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += ["Content-Type: application/json", f"Content-Length: {len(body.encode())}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


async def asked(url: str, clients: int, seconds: float, request: Callable[[], bytes]) -> Answers:
    found = Answers()
    begun = time.monotonic()
    await asyncio.gather(*(_ask(url, begun + seconds, request, found) for _ in range(clients)))
    found.seconds = time.monotonic() - begun
    return found


async def _ask(url: str, until: float, request: Callable[[], bytes], found: Answers) -> None:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        while (begun := time.monotonic()) < until:
            writer.write(request())
            status = await answer(reader)
            if status < 300:
                found.milliseconds.append((time.monotonic() - begun) * 1000)
            else:
                found.refused[status] = found.refused.get(status, 0) + 1
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader) -> int:
    """Its status; the body is read and thrown away."""
    return (await answered(reader))[0]


async def answered(reader: asyncio.StreamReader) -> tuple[int, Mapping[str, str]]:
    """Its status and headers, whose names are in small letters."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    told = (line.partition(":") for line in head.split("\r\n")[1:])
    headers = {name.lower(): value.strip() for name, _, value in told}
    await reader.readexactly(int(headers.get("content-length", 0)))
    return int(head[9:12]), headers


class Crowd:
    """As many connections to one server as there are requests at a time; each is used again."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._free: list[Streams] = []

    async def ask(
        self, verb: str, path: str, body: str, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str]]:
        """Status and headers; 0 where the connection broke or nobody answered in time. On another
        connection where one that was kept had been closed meanwhile (RFC 9112, section 9.3.1)."""
        told = request(verb, self._url + path, body, headers)
        parts = urlsplit(self._url)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while kept := self._idle():
                    with suppress(ConnectionError, asyncio.IncompleteReadError):
                        return await self._answer(kept, told)
                opened = await asyncio.open_connection(parts.hostname, parts.port)
                return await self._answer(opened, told)
        except (OSError, asyncio.IncompleteReadError):
            return 0, {}

    async def _answer(self, streams: Streams, told: bytes) -> tuple[int, Mapping[str, str]]:
        reader, writer = streams
        try:
            writer.write(told)
            found = await answered(reader)
        except BaseException:
            writer.close()
            raise
        if found[1].get("connection") == "close":
            writer.close()
        else:
            self._free.append(streams)
        return found

    def _idle(self) -> Streams | None:
        """A connection that the server has not closed meanwhile."""
        while self._free:
            reader, writer = self._free.pop()
            if not writer.is_closing() and not reader.at_eof():
                return reader, writer
            writer.close()
        return None

    def close(self) -> None:
        for _, writer in self._free:
            writer.close()
