"""What is asked again and again follows an index, however much there is."""

from __future__ import annotations

from typing import Any

import pytest

from libs.common import database, retention, timers
from libs.common.journal import Connection
from tests.support import shop
from tests.support.servers import Ground, unique

MANY = 20_000
FILLED = """
INSERT INTO timer (name, id, due_at, data, correlation_id)
SELECT 'overdue', gen_random_uuid(), now() - interval '1 hour', '{}', '' FROM generate_series(1, $1)
"""
SEEN = """
INSERT INTO inbox SELECT gen_random_uuid(), 'test', 'applied', now() - make_interval(secs => $1 - n)
FROM generate_series(1, $1) AS n
"""
ANSWERED = """
INSERT INTO request SELECT 'test', n::text, '', 200, '{}', now() - make_interval(secs => $1 - n)
FROM generate_series(1, $1) AS n
"""
DEAD = """
INSERT INTO dead_letter (id, topic, timestamp_, headers, stage, reason, died_at)
SELECT gen_random_uuid(), '', 0, '[]', '', '', now() - make_interval(secs => $1 - n)
FROM generate_series(1, $1) AS n
"""


@pytest.fixture(scope="module")
async def large(servers: Ground) -> str:
    """The URL of the writer of a service that has been at work for long."""
    till, _ = shop.services(unique("i"))
    settings = await servers.provide([till], shop.topics(till.topic))
    async with database.session(settings.url(till.name, "owner")) as connection:
        for statement in (FILLED, SEEN, ANSWERED, DEAD):
            await connection.execute(statement, MANY)
        await connection.execute("VACUUM ANALYZE timer, inbox, request, dead_letter")
    return settings.url(till.name, "writer")


async def plan_of(connection: Connection, query: str, *values: str) -> str:
    """As a service has it: made once, for whatever is asked."""
    await connection.execute(f"PREPARE asked AS {query}")
    rows: list[Any] = await connection.fetch(f"EXPLAIN EXECUTE asked ({', '.join(values)})")
    await connection.execute("DEALLOCATE asked")
    return "\n".join(row[0] for row in rows)


async def test_of_what_falls_due_at_one_moment_only_so_much_is_read_as_is_brought(
    large: str,
) -> None:
    connection = await database.connect(large, "test")
    plan = await plan_of(connection, timers.DUE, "now()", "500")
    assert "Sort" not in plan and "Index Scan" in plan, plan
    await connection.close()


@pytest.mark.parametrize("table", retention.TABLES)
async def test_what_is_forgotten_is_found_without_reading_all_that_is_not(
    large: str, table: str
) -> None:
    connection = await database.connect(large, "test")
    plan = await plan_of(connection, retention.FORGET.format(table=table), "60", "5000")
    assert f"Seq Scan on {table}" not in plan, plan
    await connection.close()


async def test_so_is_what_dead_letters_hold_no_longer(large: str) -> None:
    connection = await database.connect(large, "test")
    plan = await plan_of(connection, retention.EMPTY, "30")
    assert "Seq Scan" not in plan, plan
    await connection.close()
