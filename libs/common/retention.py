"""What was seen is remembered for 60 days (row Q8 of the requirements), then forgotten; so is what
dead letters held, after their own time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from libs.common import dead_letters, erasures
from libs.common.database import working
from libs.common.journal import Connection
from libs.common.keys import Keys

DAYS = 60
CHUNK = 5000
HOUR_SECONDS = 3600.0

TABLES = ("inbox", "request")
FORGET = """
DELETE FROM {table} WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM {table} WHERE handled_at < now() - make_interval(days => $1)
    LIMIT $2
))
"""
"""By the time of the statement: one that changes while it runs is looked for in no index."""


BORDER = """
SELECT ((clock_timestamp() - make_interval(days => $1)) AT TIME ZONE 'UTC')::date
"""
EMPTY = """
UPDATE dead_letter SET sealed = NULL, key = NULL, headers = NULL, value = NULL
WHERE died_at < now() - make_interval(days => $1)
  AND (sealed IS NOT NULL OR headers IS NOT NULL)
"""


async def run(
    connect: Callable[[], Awaitable[Connection]], keys: Keys, is_leader: Callable[[], bool]
) -> None:
    """Every hour, by the process that holds the relay; the caller runs it again after an error."""
    while is_leader():
        async with working(connect) as connection:
            for table in TABLES:
                await forget(connection, table)
            await expire_letters(connection, keys)
            await erasures.again(connection, keys)
        await asyncio.sleep(HOUR_SECONDS)


async def forget(connection: Connection, table: str) -> int:
    """How many rows of `table` were too old."""
    total, count = 0, CHUNK
    while count == CHUNK:
        done = await connection.execute(FORGET.format(table=table), DAYS, CHUNK)
        count = int(done.rpartition(" ")[2])
        total += count
    return total


async def expire_letters(connection: Connection, keys: Keys) -> None:
    """They stay, with where they came from and why they died; nobody reads any more what they held,
    not even in a backup. A day's key goes whatever became of its letters: some were tried again,
    some only waited, and older keys may have come back."""
    border = await connection.fetchval(BORDER, dead_letters.DAYS)
    days = (border - timedelta(days=n) for n in range(1, DAYS))
    await keys.erase(dead_letters.subject_of(day) for day in days)
    await connection.execute(EMPTY, dead_letters.DAYS)
