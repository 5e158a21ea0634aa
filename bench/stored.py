"""Leads that were stored long ago: rows as the services write them, behind the marks of relays."""

from __future__ import annotations

from bench.stand import Stand
from cli.screen import progress
from libs.common.database import Connection, session

CHUNK = 20_000
"""Leads a transaction: one that runs longer than a second would hold back every relay."""

TEMPLATES = """
CREATE TEMP TABLE template AS
SELECT {table}.*, row_number() OVER () - 1 AS n FROM {table}
WHERE id IN (SELECT id FROM {table} ORDER BY id LIMIT 500)
"""
TEMPLATE_EVENTS = """
CREATE TEMP TABLE template_event AS
SELECT event.* FROM event JOIN template ON event.stream_id = template.id
"""
"""What is copied stands by itself: a chunk looks at nothing that grows."""
MADE = """
CREATE TEMP TABLE made AS
SELECT uuidv7(- interval '40 days' * random()) AS id, template.id AS of
FROM generate_series(0, {count} - 1) AS one (n)
JOIN template ON template.n = one.n % (SELECT count(*) FROM template)
"""
STATES = """
INSERT INTO {table} (id, previous, version, shape, key, state, changed_at)
SELECT made.id, previous, version, shape, key, state, changed_at
FROM made JOIN template ON template.id = made.of
"""
EVENTS = """
INSERT INTO event (aggregate, stream_id, version, event_id, topic, type, key, data, actor,
                   correlation_id, causation_id, causation_source, exercise, recorded_at)
SELECT aggregate, made.id, version, uuidv7(), topic, type, key, data, actor,
       made.id::text, causation_id, causation_source, exercise, recorded_at
FROM made JOIN template_event ON template_event.stream_id = made.of
"""
INBOX = "INSERT INTO inbox SELECT id, 'filled', 'applied', now() FROM made"
PUBLISHED = """
UPDATE relay SET (transaction_id, position) =
    (SELECT transaction_id, position FROM event ORDER BY transaction_id DESC, position DESC LIMIT 1)
"""
TABLES = {"leads": "lead", "alerts": "alert"}
"""By service, what there is one of for every lead."""


async def fill(stand: Stand, leads: int) -> None:
    """Until as many are stored, of which some must be there. No service may run: what is filled in
    is not to be published."""
    for service, table in TABLES.items():
        async with session(stand.superuser_url(service)) as connection:
            await _fill(connection, table, leads)


async def _fill(connection: Connection, table: str, wanted: int) -> None:
    """Copies of the rows of up to 500 aggregates that went through the flow."""
    there = await connection.fetchval(f"SELECT count(*) FROM {table}")
    if there >= wanted:
        return
    await connection.execute(TEMPLATES.format(table=table))
    await connection.execute(TEMPLATE_EVENTS)
    with progress() as bar:
        task = bar.add_task(f"{table}s", total=wanted - there)
        for begin in range(there, wanted, CHUNK):
            count = min(CHUNK, wanted - begin)
            await _chunk(connection, table, count)
            bar.advance(task, count)
    await connection.execute("ANALYZE")


async def _chunk(connection: Connection, table: str, count: int) -> None:
    await connection.execute(MADE.format(count=count))
    async with connection.transaction():
        await connection.execute(EVENTS)
        await connection.execute(STATES.format(table=table))
        await connection.execute(INBOX)
    await connection.execute(PUBLISHED)
    await connection.execute("DROP TABLE made")
