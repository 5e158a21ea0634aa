"""What was seen long ago is forgotten; what was seen lately is not."""

from __future__ import annotations

import asyncpg

from libs.common import retention
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
