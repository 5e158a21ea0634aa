"""S13: a role of a service does in PostgreSQL what its service needs, and nothing else.

Scopes, with the real ones of persons: `tests/e2e/small_city/test_rights.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import pytest

from cli.city import NAMES
from libs.common.http.desk import SET_SCOPE
from libs.common.ids import uuid7
from tests.support.servers import Ground
from tests.support.town import Town

ROLES = ("writer", "reader")
DENIED = (
    "CREATE TABLE own (id int)",
    "CREATE SCHEMA own",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE EXTENSION dblink",
    "CREATE EXTENSION file_fdw",
    "CREATE ROLE friend",
    "CREATE DATABASE own",
    "CREATE PUBLICATION p FOR ALL TABLES",
    "CREATE TRIGGER t AFTER INSERT ON event EXECUTE FUNCTION expect()",
    "ALTER ROLE {service}_{role} SUPERUSER",
    "ALTER ROLE {service}_{role} BYPASSRLS",
    "ALTER ROLE {service}_owner PASSWORD 'x'",
    "ALTER TABLE event OWNER TO {service}_{role}",
    "ALTER TABLE event DISABLE TRIGGER ALL",
    "ALTER SYSTEM SET log_statement = 'all'",
    "SET ROLE {service}_owner",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "SET session_replication_role = replica",
    "GRANT {service}_owner TO {service}_{role}",
    "DROP TABLE event",
    "DROP FUNCTION make_partitions()",
    "TRUNCATE event",
    "TRUNCATE request, inbox",
    "UPDATE event SET actor = 'somebody else'",
    "DELETE FROM event",
    "UPDATE event_default SET actor = 'somebody else'",
    "INSERT INTO audit (transaction_id) VALUES ('1')",
    "INSERT INTO audit (position) VALUES (1)",
    "INSERT INTO audit (at) VALUES ('2099-01-01')",
    "INSERT INTO audit_default (actor) VALUES ('somebody else')",
    "UPDATE migration SET checksum = ''",
    "DELETE FROM migration",
    "COPY event TO '/tmp/rows'",
    "COPY event TO PROGRAM 'cat'",
    "COPY inbox FROM '/etc/passwd'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_read_binary_file('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    "SELECT pg_stat_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT pg_reload_conf()",
    "SELECT pg_switch_wal()",
    "SELECT rolpassword FROM pg_authid",
    "SELECT * FROM pg_user_mapping",
    "SELECT pg_logical_emit_message(false, 'a', 'b'), pg_create_restore_point('x')",
)
OF_THE_READER = (
    "INSERT INTO inbox VALUES (gen_random_uuid(), 'x', 'applied', now())",
    "UPDATE request SET status = 200",
    "DELETE FROM dead_letter",
    "SELECT nextval('event_position')",
    "SELECT count(*) FROM event_default",
)
OF_THE_WRITER = ("SELECT reading_pause('x', gen_random_uuid(), ARRAY['show_entry'], 1)",)
LENT = frozenset({("make_partitions", 0, "void"), ("reading_pause", 4, "integer")})
"""Functions that do what their owner may: name, number of arguments, what they say."""
OF_THE_KEYS = (
    "DELETE FROM subject_key",
    "TRUNCATE subject_key",
    "UPDATE subject_key SET subject_ref = gen_random_uuid()",
    "ALTER TABLE subject_key DISABLE ROW LEVEL SECURITY",
)
OF_NOBODY = frozenset(
    {
        *("migration", "facts", "position", "relay", "clock"),
        *("area", "organisation", "post", "work_calendar", "area_history"),
        *("routing_rules", "routing_rule_set", "score", "tally", "audit_chain"),
        *("city_area", "city_organisation", "city_post", "city_work_calendar"),
    }
)
"""Tables that say nothing about anybody: places, offices, rules, figures of offices."""
NOT_FOR_READERS = frozenset({"audit", "audit_seal"})
SCOPED = {"leads": "lead", "alerts": "alert", "mediation": "mediation_case"}


@asynccontextmanager
async def session(town: Town, service: str, role: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(town.settings.url(service, role))
    try:
        yield connection
    finally:
        await connection.close()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("service", NAMES)
async def test_a_role_may_do_nothing_else(town: Town, service: str, role: str) -> None:
    """An extension that is not there is not supported; all else is refused."""
    refusals = (asyncpg.InsufficientPrivilegeError, asyncpg.FeatureNotSupportedError)
    statements = DENIED + (OF_THE_READER if role == "reader" else OF_THE_WRITER)
    async with session(town, service, role) as connection:
        for statement in statements:
            with pytest.raises(refusals):
                await connection.execute(statement.format(service=service, role=role))
                pytest.fail(statement)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("service", NAMES)
async def test_a_role_reaches_no_other_database(town: Town, service: str, role: str) -> None:
    url = town.settings.url(service, role)
    for other in (*NAMES, "keys", "postgres", "template1"):
        if other != service:
            with pytest.raises(asyncpg.PostgresError) as refused:
                connection = await asyncpg.connect(f"{url.rpartition('/')[0]}/{other}")
                await connection.close()
                pytest.fail(f"{service} reads {other}")
            assert refused.value.sqlstate == "42501", other


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("service", (*NAMES, "keys"))
async def test_a_role_is_none_that_rules_do_not_hold_for(
    town: Town, service: str, role: str
) -> None:
    async with session(town, service, role) as connection:
        row = await connection.fetchrow(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication,"
            " EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid) AS is_member"
            " FROM pg_roles WHERE rolname = current_user"
        )
        assert not any(row.values()), dict(row)
        owned = await connection.fetch(
            "SELECT oid::regclass FROM pg_class WHERE relowner = current_user::regrole"
        )
        assert owned == []


@pytest.mark.parametrize("service", SCOPED)
async def test_no_scope_is_no_row_and_none_outlives_an_error(
    town: Town, things: Mapping[str, str], service: str
) -> None:
    count = f"SELECT count(*) FROM {SCOPED[service]}"
    async with session(town, service, "reader") as reader:
        assert await reader.fetchval(count) == 0
        for scope in ("", "{}", '{"everything": false}', '{"cell": []}', '{"cell": ["%"]}'):
            async with reader.transaction():
                await reader.execute(SET_SCOPE, scope)
                assert await reader.fetchval(count) == 0, scope
        with pytest.raises(asyncpg.DivisionByZeroError):
            async with reader.transaction():
                await reader.execute(SET_SCOPE, '{"everything": true}')
                assert await reader.fetchval(count) > 0
                await reader.execute("SELECT 1 / 0")
        assert await reader.fetchval(count) == 0


@pytest.mark.parametrize("service", NAMES)
async def test_without_a_scope_nothing_is_read_that_is_of_somebody(
    servers: Ground, town: Town, things: Mapping[str, str], service: str
) -> None:
    if servers.given:
        pytest.skip("what there is in each table a superuser counts")
    tables = (
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
        " AND relnamespace = 'public'::regnamespace"
    )
    superuser = await asyncpg.connect(f"{servers.admin_url.rpartition('/')[0]}/{service}")
    names = {row["relname"] for row in await superuser.fetch(tables)}
    held = [
        name
        for name in sorted(names - OF_NOBODY)
        if await superuser.fetchval(f"SELECT count(*) FROM {name}")
    ]
    await superuser.close()
    assert "inbox" in held or "event" in held
    async with session(town, service, "reader") as reader:
        for name in held:
            try:
                assert await reader.fetchval(f"SELECT count(*) FROM {name}") == 0, name
            except asyncpg.InsufficientPrivilegeError:
                assert name in NOT_FOR_READERS


@pytest.mark.parametrize("role", ROLES)
async def test_nobody_takes_a_key_away_or_undoes_an_erasure(town: Town, role: str) -> None:
    add = "INSERT INTO subject_key (subject_ref, erased_at) VALUES ($1, now())"
    revive = "UPDATE subject_key SET key = $2, erased_at = NULL WHERE subject_ref = $1"
    erased = uuid7()
    async with session(town, "keys", "owner") as owner:
        await owner.execute(add, erased)
    async with session(town, "keys", role) as connection:
        for statement in OF_THE_KEYS + (("SELECT FROM subject_key",) if role == "reader" else ()):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
                pytest.fail(statement)
        with suppress(asyncpg.InsufficientPrivilegeError):
            await connection.execute(revive, erased, b"k" * 32)
    key = "SELECT key FROM subject_key WHERE subject_ref = $1"
    async with session(town, "keys", "owner") as owner:
        assert await owner.fetchval(key, erased) is None


@pytest.mark.parametrize("service", NAMES)
async def test_no_view_or_function_lends_its_owners_rights(town: Town, service: str) -> None:
    """But the one that makes partitions, which takes no argument, the one that counts what an
    account has read, which says a number of seconds, and the view that masks leads."""
    async with session(town, service, "reader") as connection:
        lent = await connection.fetch(
            "SELECT proname, pronargs, prorettype::regtype::text FROM pg_proc WHERE prosecdef"
            " AND pronamespace = 'public'::regnamespace"
        )
        assert {tuple(row) for row in lent} <= LENT
        views = await connection.fetch(
            "SELECT relname, 'security_barrier=true' = ANY (reloptions) AS is_barrier FROM pg_class"
            " WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace"
        )
        masking = [("neighbour_lead", True)] if service == "leads" else []
        assert [tuple(row) for row in views] == masking
