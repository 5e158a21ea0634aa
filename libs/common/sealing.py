"""Rows of audit get their numbers and hashes, each second, by the process that holds the relay;
each minute the last hash is anchored where others see it.

As the relay, it takes rows in the order of (transaction_id, position) and only of transactions
that are older than any that runs: none can come before them later, however late it commits.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from libs.common import chain
from libs.common.anchors import CHAIN, Anchor, chain_id
from libs.common.audit import COLUMNS
from libs.common.database import working
from libs.common.ids import uuid7
from libs.common.journal import Connection
from libs.common.messages import Cause
from libs.common.work import Work
from libs.common.writer import Writer

SECONDS = 1.0
ANCHOR_SECONDS = 60.0
CHUNK = 500

HEAD = """
SELECT first + cardinality(positions) - 1 AS number, hashes[cardinality(hashes)] AS hash,
       transaction_id::text, position, sealed_at
FROM audit_seal ORDER BY first DESC LIMIT 1
"""
ROW = f"position, at, {', '.join(COLUMNS)}"
WAITING = f"""
SELECT {ROW}, transaction_id::text FROM audit
WHERE (transaction_id, position) > ($1::text::xid8, $2)
  AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY audit.transaction_id, audit.position LIMIT $3
"""
SEAL = """
INSERT INTO audit_seal (first, transaction_id, position, positions, hashes)
VALUES ($1, $2::text::xid8, $3, $4, $5)
"""
"""A number is given once: to a second sealer the key says so."""


class Head(NamedTuple):
    """The last row that is sealed; its transaction and position are where to go on from."""

    number: int
    hash: bytes
    transaction_id: str
    position: int
    sealed_at: datetime


class Sealing:
    """`run` while this process holds the relay; the caller runs it again after an error."""

    def __init__(
        self, name: str, source: str, writer: Writer, connect: Callable[[], Awaitable[Connection]]
    ) -> None:
        self._name, self._source = name, f"{source}/audit"
        self._writer, self._connect = writer, connect
        self._turn = asyncio.Lock()

    async def run(self, is_leader: Callable[[], bool]) -> None:
        anchored_at = -math.inf
        async with working(self._connect) as connection:
            while is_leader():
                head = await self.seal(connection)
                if time.monotonic() > anchored_at + ANCHOR_SECONDS:
                    await self._anchor(head)
                    anchored_at = time.monotonic()
                await asyncio.sleep(SECONDS)

    async def finish(self, connection: Connection) -> None:
        """What is left is sealed and anchored."""
        await self._anchor(await self.seal(connection))

    async def seal(self, connection: Connection) -> Head | None:
        """The head once all is sealed that can be."""
        async with self._turn:
            count = CHUNK
            while count == CHUNK:
                head = await _head(connection)
                count = await _seal_after(connection, head or _first(self._name))
            return await _head(connection) if count else head

    async def _anchor(self, head: Head | None) -> None:
        """By the writer and the relay, as all that is told to others; once."""
        if head is None:
            return
        anchor = Anchor(self._name, head.number, head.hash.hex(), head.sealed_at)
        cause = Cause("sealer", uuid7().hex, uuid7(), self._source)
        instruction = CHAIN.to(chain_id(self._name), anchor)
        await self._writer.submit([Work(lambda _: (instruction,), cause)])


async def _head(connection: Connection) -> Head | None:
    row = await connection.fetchrow(HEAD)
    return Head(*row) if row else None


def _first(service: str) -> Head:
    return Head(0, chain.genesis(service), "0", 0, chain.LONG_AGO)


async def _seal_after(connection: Connection, head: Head) -> int:
    """How many rows; up to a chunk."""
    rows = await connection.fetch(WAITING, head.transaction_id, head.position, CHUNK)
    if rows:
        last, positions = rows[-1], [row["position"] for row in rows]
        hashes = list(_hashes(head.hash, rows))
        told = (last["transaction_id"], last["position"], positions, hashes)
        await connection.execute(SEAL, head.number + 1, *told)
    return len(rows)


def _hashes(hash: bytes, rows: Iterable[Mapping[str, Any]]) -> Iterable[bytes]:
    for row in rows:
        hash = chain.after(hash, plain(row))
        yield hash


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of audit as it is sealed and dumped: JSON values alone."""
    texts = {name: row[name] for name in COLUMNS}
    for name in ("grant_id", "case_id", "command_id"):
        if row[name] is not None:
            texts[name] = str(row[name])
    return {**texts, "at": row["at"].isoformat(), "ids": [str(id) for id in row["ids"]]}
