"""Leads that were stored long ago: rows as the services write them, behind the marks of relays.

They are copies of rows that came of real leads, in every service and in the same proportion. No
time limit runs for them: what is old is settled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bench.stand import Stand
from cli.screen import progress
from libs.common.database import Connection, session

CHUNK = 20_000
"""Rows a transaction: one that runs longer than a second would hold back every relay."""
TEMPLATES = """
CREATE TEMP TABLE template AS
SELECT row_number() OVER () - 1 AS n, one.* FROM (SELECT * FROM {table} WHERE {which} LIMIT 500) one
"""
BESIDE = """
CREATE TEMP TABLE template_{table} AS
SELECT n, {table}.* FROM {table} JOIN template ON {table}.{of} = template.id
"""
"""What is copied stands by itself: a chunk looks at nothing that grows."""
MADE = """
CREATE TEMP TABLE made AS
SELECT uuidv7(- interval '40 days' * random()) AS id,
       one % (SELECT count(*) FROM template) AS n
FROM generate_series(0, {count} - 1) AS one
"""
STATES = """
INSERT INTO {table} (id, previous, version, shape, key, state, changed_at)
SELECT made.id, previous, version, shape, key,
       state || jsonb_build_object('id', made.id, '{own}', made.id), changed_at
FROM made JOIN template USING (n)
"""
EVENTS = """
INSERT INTO event (aggregate, stream_id, version, event_id, topic, type, key, data, actor,
                   correlation_id, causation_id, causation_source, exercise, recorded_at)
SELECT aggregate, made.id, version, uuidv7(), topic, type, key, data, actor,
       made.id::text, causation_id, causation_source, exercise, recorded_at
FROM made JOIN {template} USING (n)
"""
RECEIPTS = """
INSERT INTO receipt SELECT person_ref, made.id, level, told_at
FROM made JOIN template_receipt USING (n)
"""
INBOX = "INSERT INTO inbox SELECT id, source, outcome, handled_at FROM made JOIN template USING (n)"
ENTRIES = """
INSERT INTO applied (event_id, type, data, occurred_at, correlation_id, applied_at)
SELECT id, type, data, occurred_at, id::text, applied_at FROM made JOIN template USING (n)
"""
PUBLISHED = """
UPDATE relay SET (transaction_id, position) =
    (SELECT transaction_id, position FROM event ORDER BY transaction_id DESC, position DESC LIMIT 1)
WHERE EXISTS (SELECT FROM event)
"""


@dataclass(frozen=True)
class Grown:
    """A table that grows with the leads. `which`: of its rows, those that come of leads. `insert`:
    copies of templates. `beside`: what else grows with it, by its column that names the row."""

    service: str
    table: str
    insert: str
    which: str = "true"
    beside: Mapping[str, tuple[str, str]] = field(default_factory=dict)


_EVENTS = {"event": ("stream_id", EVENTS.format(template="template_event"))}
_OF_LEADS = "source NOT IN ('/civicgrid/registry', '/civicgrid/portal')"


def _states(service: str, table: str, own: str, **beside: tuple[str, str]) -> Grown:
    """`own`: the field by which each is of another lead."""
    insert = STATES.format(table=table, own=own)
    return Grown(service, table, insert, beside={**_EVENTS, **beside})


TABLES = (
    _states("leads", "lead", "source_number"),
    _states("leads", "intake_item", "id"),
    _states("alerts", "alert", "about", receipt=("alert_id", RECEIPTS)),
    _states("mediation", "mediation_case", "lead_id"),
    Grown("scoring", "applied", ENTRIES),
    Grown("scoring", "event", EVENTS.format(template="template"), "aggregate = 'score'"),
    *(Grown(one, "inbox", INBOX, _OF_LEADS) for one in ("leads", "alerts", "mediation", "scoring")),
)


async def fill(stand: Stand, leads: int) -> None:
    """Until as many are stored, of which some must be there. No service may run: what is filled in
    is not to be published."""
    async with session(stand.superuser_url("leads")) as connection:
        there = await connection.fetchval("SELECT count(*) FROM lead")
    for grown in TABLES if there < leads else ():
        async with session(stand.superuser_url(grown.service)) as connection:
            await _fill(connection, grown, leads / there)


async def _fill(connection: Connection, grown: Grown, times: float) -> None:
    rows = f"SELECT count(*) FROM {grown.table} WHERE {grown.which}"
    there = await connection.fetchval(rows)
    await connection.execute(TEMPLATES.format(table=grown.table, which=grown.which))
    for table, (of, _) in grown.beside.items():
        await connection.execute(BESIDE.format(table=table, of=of))
    with progress() as bar:
        wanted = round(there * times) - there
        task = bar.add_task(f"{grown.service} {grown.table}", total=wanted)
        for count in _chunks(wanted):
            await _chunk(connection, grown, count)
            bar.advance(task, count)
    await connection.execute("ANALYZE")


def _chunks(wanted: int) -> Iterator[int]:
    yield from (min(CHUNK, wanted - begin) for begin in range(0, wanted, CHUNK))


async def _chunk(connection: Connection, grown: Grown, count: int) -> None:
    await connection.execute(MADE.format(count=count))
    async with connection.transaction():
        await connection.execute(grown.insert)
        for _, insert in grown.beside.values():
            await connection.execute(insert)
    await connection.execute(PUBLISHED)
    await connection.execute("DROP TABLE made")
