"""Clients that ask over HTTP as fast as they are answered, each on a connection of its own.

They cost some 50 us a request: a full client library would be the limit on two cores.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cli.board import percentile


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
    parts = urlsplit(url)
    lines = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += ["Content-Type: application/json", f"Content-Length: {len(body.encode())}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
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
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            await reader.readexactly(int(value))
    return int(head[9:12])
