"""What was seen is remembered for 60 days (row Q8 of the requirements), then forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from libs.common.journal import Connection

DAYS = 60
CHUNK = 5000
HOUR_SECONDS = 3600.0

TABLES = ("inbox", "request")
FORGET = """
DELETE FROM {table} WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM {table} WHERE handled_at < clock_timestamp() - make_interval(days => $1)
    LIMIT $2
))
"""


async def run(connect: Callable[[], Awaitable[Connection]], is_leader: Callable[[], bool]) -> None:
    """Every hour, by the process that holds the relay; the caller runs it again after an error."""
    while is_leader():
        connection = await connect()
        try:
            for table in TABLES:
                await forget(connection, table)
        finally:
            await connection.close()
        await asyncio.sleep(HOUR_SECONDS)


async def forget(connection: Connection, table: str) -> int:
    """How many rows of `table` were too old."""
    total, count = 0, CHUNK
    while count == CHUNK:
        done = await connection.execute(FORGET.format(table=table), DAYS, CHUNK)
        count = int(done.rpartition(" ")[2])
        total += count
    return total
