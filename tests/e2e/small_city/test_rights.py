"""What the reader of a database may do, whatever statement gets there: look under a scope, and
nothing else. What it sees of whom is in `test_rights_matrix.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from libs.common.http.desk import SET_SCOPE
from tests.support.town import Town

TABLES = {"lead": "leads", "alert": "alerts", "mediation_case": "mediation"}
MASKED = {
    *("id", "version", "status", "community", "cell"),
    *("lead_type", "kind", "urgency", "received_at"),
}
"""All that the database has of a lead for a neighbour."""


@pytest.fixture
async def reader(town: Town, table: str) -> AsyncIterator[Any]:
    """A plain session of the reader of the service that has this table."""
    connection = await asyncpg.connect(town.settings.url(TABLES[table], "reader"))
    yield connection
    await connection.close()


@pytest.mark.parametrize("table", ["lead"])
async def test_of_a_lead_there_is_for_a_neighbour_what_is_masked(table: str, reader: Any) -> None:
    query = "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0"
    found = await reader.fetch(query, f"neighbour_{table}")
    assert {row["attname"] for row in found} == MASKED


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {table} SET version = version",
        "DELETE FROM {table}",
        "TRUNCATE {table}",
        "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
        "SELECT count(*) FROM event_default",
        "SET ROLE {service}_owner",
        "SET ROLE {service}_writer",
        "COPY {table} TO '/tmp/rows'",
        "SELECT pg_read_file('/etc/passwd')",
        "CREATE TABLE own (id int)",
    ],
)
async def test_the_reader_may_do_nothing_else(table: str, statement: str, reader: Any) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reader.execute(statement.format(table=table, service=TABLES[table]))


@pytest.mark.parametrize("table", TABLES)
async def test_a_session_that_failed_in_the_midst_keeps_no_scope(table: str, reader: Any) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with reader.transaction():
            await reader.execute(SET_SCOPE, '{"everything": true}')
            await reader.execute("SELECT 1 / 0")
    assert await reader.fetchval(f"SELECT count(*) FROM {table}") == 0
