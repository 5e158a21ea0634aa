"""A database for each service, three roles in it, and the migrations that make its tables.

`<s>_owner` owns the tables and runs no service; `<s>_writer` writes; `<s>_reader` reads, and may
add audit rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg

from libs.common import failpoints
from libs.common.audit import COLUMNS
from libs.common.callers import EVERYTHING

Connection: TypeAlias = "asyncpg.Connection[Any]"

AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""Of a database that will answer later, to what it has answered before. The last is what the client
says of a session that ended in the midst of an answer."""

CORE = Path(__file__).parent / "migrations"
KEYS = CORE / "keys"
ANSWER_SECONDS = 20.0
"""After which a session of a service that says nothing is given up, as one that was cut: a network
may forget it without a word. Shorter than the patience of the watchdog."""
LOCK = 0x6D696772617465

_GRANTS = """
GRANT USAGE ON SCHEMA public TO {s}_writer, {s}_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {s}_writer;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {s}_writer;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO {s}_reader;
REVOKE UPDATE, DELETE ON migration FROM {s}_writer;
DO $$
DECLARE
    journal regclass = to_regclass('event');
    part regclass;
BEGIN
    FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = journal LOOP
        EXECUTE format('REVOKE ALL ON %s FROM {s}_reader', part);
        EXECUTE format('REVOKE UPDATE, DELETE ON %s FROM {s}_writer', part);
    END LOOP;
    IF journal IS NOT NULL THEN
        REVOKE UPDATE, DELETE ON event FROM {s}_writer;
    END IF;
    FOR part IN
        SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass('audit') UNION
        SELECT oid FROM pg_class WHERE oid IN (to_regclass('audit'), to_regclass('audit_seal'))
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM {s}_reader', part);
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM {s}_writer, {s}_owner', part);
        EXECUTE format('REVOKE INSERT ON %s FROM {s}_writer', part);
    END LOOP;
    IF to_regclass('audit') IS NOT NULL THEN
        GRANT INSERT ({audit}) ON audit TO {s}_writer, {s}_reader;
        GRANT INSERT ON audit_seal TO {s}_writer;
        GRANT USAGE ON SEQUENCE audit_position TO {s}_reader;
    END IF;
    IF to_regclass('subject_key') IS NOT NULL THEN
        REVOKE ALL ON subject_key FROM {s}_reader;
        REVOKE UPDATE, DELETE, TRUNCATE ON subject_key FROM {s}_writer;
        GRANT UPDATE (key, erased_at) ON subject_key TO {s}_writer;
    END IF;
END $$;
"""
"""Rows of audit are added by both, read by the writer, and changed by nobody, its owner neither.
When one was added and where it stands in the order says the database. Keys are made and erased by
services, and taken away by none."""
_OWNS = """
SELECT EXISTS (
    SELECT FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
      AND pg_has_role(relowner, 'USAGE')
)
"""

_OPEN_TO_ALL = """
SELECT datname FROM pg_database
WHERE datname IN ('postgres', 'template1') AND has_database_privilege('public', oid, 'CONNECT')
"""


class MigrationError(Exception):
    """The database and the migration files do not belong together."""


async def create(admin_url: str, services: Iterable[str], password: Callable[[str], str]) -> None:
    """The databases and roles that are not there yet; run as a superuser. `password`: of a role."""
    connection = await asyncpg.connect(admin_url)
    try:
        for service in services:
            for role in ("owner", "writer", "reader"):
                name = f"{service}_{role}"
                await give_role(connection, name, password(name))
            exists = "SELECT 1 FROM pg_database WHERE datname = $1"
            if not await connection.fetchval(exists, service):
                await connection.execute(f"CREATE DATABASE {service} OWNER {service}_owner")
            await connection.execute(f"REVOKE ALL ON DATABASE {service} FROM public")
            roles = ", ".join(f"{service}_{role}" for role in ("owner", "writer", "reader"))
            await connection.execute(f"GRANT CONNECT ON DATABASE {service} TO {roles}")
        for row in await connection.fetch(_OPEN_TO_ALL):
            await connection.execute(f"REVOKE ALL ON DATABASE {row['datname']} FROM public")
    finally:
        await connection.close()


async def give_role(connection: Connection, role: str, password: str) -> None:
    """One that may sign in with this password from now on."""
    quoted = password.replace("'", "''")
    verb = "CREATE"
    if await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
        verb = "ALTER"
    await connection.execute(f"{verb} ROLE {role} LOGIN PASSWORD '{quoted}'")


async def migrate(owner_url: str, service: str, folders: Mapping[str, Path]) -> list[str]:
    """Run, in order, what has not run yet; return its names. One process at a time."""
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, checksum text NOT NULL,"
            " ran_at timestamptz NOT NULL DEFAULT now())"
        )
        rows = await connection.fetch("SELECT name, checksum FROM migration")
        ran = {row["name"]: row["checksum"] for row in rows}
        fresh = []
        for name, file in _files(folders):
            text = file.read_text()
            checksum = hashlib.sha256(text.encode()).hexdigest()
            if name not in ran:
                await _run(connection, name, text, checksum)
                fresh.append(name)
            elif ran[name] != checksum:
                raise MigrationError(f"{name} was changed after it ran: add a new file instead")
        grants = _GRANTS.replace("{s}", service).replace("{audit}", ", ".join(COLUMNS))
        await connection.execute(grants)
        return fresh
    finally:
        await connection.close()


def _files(folders: Mapping[str, Path]) -> list[tuple[str, Path]]:
    return [
        (f"{name}/{file.stem}", file)
        for name, folder in folders.items()
        for file in sorted(folder.glob("*.sql"))
    ]


async def _run(connection: Connection, name: str, text: str, checksum: str) -> None:
    async with connection.transaction():
        await connection.execute(text)
        failpoints.reach("migrating")
        await connection.execute(
            "INSERT INTO migration (name, checksum) VALUES ($1, $2)", name, checksum
        )


async def owns_tables(connection: Connection) -> bool:
    """Whether this role may do to tables what only their owner may, as a superuser may too."""
    return bool(await connection.fetchval(_OWNS))


async def look(url: str) -> Connection:
    """A session of an operator, who sees everything that the role may read."""
    return await asyncpg.connect(url, server_settings={"civicgrid.scope": EVERYTHING.setting})


@asynccontextmanager
async def session(url: str) -> AsyncIterator[Connection]:
    """The same, for as long as the block lasts."""
    connection = await look(url)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def working(connect: Callable[[], Awaitable[Connection]]) -> AsyncIterator[Connection]:
    """A session of a service for as long as the block lasts. It ends at once: a silent one would be
    waited for, however long its server does not answer."""
    connection = await connect()
    try:
        yield connection
    finally:
        connection.terminate()


async def connect(url: str, application: str) -> Connection:
    """A session of a service: plans are made once, and nobody who is gone is waited for."""
    return await asyncpg.connect(
        url,
        timeout=10,
        command_timeout=ANSWER_SECONDS,
        server_settings={
            "application_name": application,
            "plan_cache_mode": "force_generic_plan",
            "jit": "off",
            "timezone": "UTC",
            "idle_in_transaction_session_timeout": "10s",
            "tcp_keepalives_idle": "10",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "3",
        },
    )
