"""What was seen long ago is forgotten; what was seen lately is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg

from libs.common import database, dead_letters, retention
from libs.common.keys import Keys
from libs.common.statement import execute
from libs.common.work import Dead, Letter
from tests.support import shop
from tests.support.servers import Ground, unique

ADD = """
INSERT INTO inbox SELECT gen_random_uuid(), 'test', 'applied', now() - make_interval(days => $1)
FROM generate_series(1, $2)
"""


async def test_rows_past_sixty_days_go_in_chunks(servers: Ground) -> None:
    till, _ = shop.services(unique("f"))
    settings = await servers.provide([till], shop.topics(till.topic))
    connection = await asyncpg.connect(settings.url(till.name, "writer"))
    try:
        await connection.execute(ADD, 61, retention.CHUNK + 1)
        await connection.execute(ADD, 59, 3)
        assert await retention.forget(connection, "inbox") == retention.CHUNK + 1
        assert await connection.fetchval("SELECT count(*) FROM inbox") == 3
        assert await retention.forget(connection, "request") == 0
    finally:
        await connection.close()


async def test_what_dead_letters_held_expires_and_the_letters_stay(servers: Ground) -> None:
    till, _ = shop.services(unique("f"))
    settings = await servers.provide([till], shop.topics(till.topic))
    now = datetime.now(UTC)
    died = {"old": now - timedelta(days=dead_letters.DAYS + 1), "young": now}
    async with (
        database.session(settings.url(till.name, "writer")) as connection,
        asyncpg.create_pool(settings.url("keys", "writer"), min_size=1) as pool,
    ):
        keys = Keys(pool)
        known = await keys.ensure(dead_letters.subject_of(at.date()) for at in died.values())
        rows = [
            dead_letters.row(
                Letter("t", 0, n, 0, None, [], name.encode()), Dead("test", name), at, known
            )
            for n, (name, at) in enumerate(died.items())
        ]
        await execute(connection, [(dead_letters.DEAD_LETTER, rows)], facts=False)
        asked = "SELECT sealed FROM dead_letter ORDER BY reason"
        before = [row["sealed"] for row in await connection.fetch(asked)]
        assert all([await dead_letters.opened(keys, sealed) for sealed in before])
        await retention.expire_letters(connection, keys)
        assert [row["sealed"] for row in await connection.fetch(asked)] == [None, before[1]]
        opened = [await dead_letters.opened(keys, sealed) for sealed in before]
        assert [held is None for held in opened] == [True, False]


async def test_a_letter_that_dies_again_is_readable_and_the_key_of_its_first_day_goes(
    servers: Ground,
) -> None:
    """So goes that of a day on which nothing is left, which was tried again, or only waited."""
    till, _ = shop.services(unique("f"))
    settings = await servers.provide([till], shop.topics(till.topic))
    now = datetime.now(UTC)
    first, again, nothing = (now - timedelta(days=n) for n in (dead_letters.DAYS + 1, 10, 40))
    letter = Letter("t", 0, 0, 0, None, [], b"held")
    async with (
        database.session(settings.url(till.name, "writer")) as connection,
        asyncpg.create_pool(settings.url("keys", "writer"), min_size=1) as pool,
    ):
        keys = Keys(pool)
        days = [dead_letters.subject_of(at.date()) for at in (first, again, nothing)]
        known = await keys.ensure(days)
        for at in (first, again):
            rows = [dead_letters.row(letter, Dead("test", "why"), at, known)]
            await execute(connection, [(dead_letters.DEAD_LETTER, rows)], facts=False)
        await retention.expire_letters(connection, keys)
        assert set(await keys.get(days)) == {days[1]}
        (row,) = await connection.fetch("SELECT sealed, retries FROM dead_letter")
        assert row["retries"] == 1 and await dead_letters.opened(keys, row["sealed"])
