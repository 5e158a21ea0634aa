"""Rows of audit on a real PostgreSQL and a real Kafka: one for each look, or no look; sealed once,
in an order that nobody can get between; changed by nobody."""

from __future__ import annotations

import asyncio
import io
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import asyncpg
import httpx
import pytest

from cli import audit_files
from libs.common import chain, recovery
from libs.common.chain import Verdict
from libs.common.database import session
from libs.common.ids import named, uuid7
from libs.common.measuring import UNSEALED
from libs.common.sealing import Sealing
from libs.common.serving import interface, started
from libs.common.settings import Settings
from tests.support import shop
from tests.support.awaiting import eventually
from tests.support.processes import ServiceProcess
from tests.support.servers import Ground, unique
from tests.support.shop import Room

TILL = named("till")
READS = 500


def trace() -> str:
    return uuid7().hex


def of(correlation: str) -> dict[str, str]:
    return {"traceparent": f"00-{correlation}-{'1' * 16}-01"}


def sale(amount: int = 1) -> dict[str, Any]:
    return {"id": str(uuid7()), "till": str(TILL), "amount": amount, "buyer": "somebody"}


@asynccontextmanager
async def shopping(till: Room, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with started([till], settings) as running:
        transport = httpx.ASGITransport(interface(running), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            assert (await client.post("/sales", json=sale())).status_code == 201
            yield client


async def rows(settings: Settings, till: Room, query: str, *values: Any) -> list[Any]:
    async with session(settings.url(till.name, "writer")) as connection:
        return list(await connection.fetch(query, *values))


async def provided(servers: Ground) -> tuple[Room, Settings]:
    till, _ = shop.services(unique("a"))
    return till, await servers.provide([till], shop.topics(till.topic))


def is_no_503(answer: httpx.Response) -> bool:
    """So many at once may have to ask again, on slow cores."""
    return answer.status_code != 503


async def test_as_many_rows_as_looks_and_who_looked_is_in_them(servers: Ground) -> None:
    till, settings = await provided(servers)
    asked = [trace() for _ in range(READS)]
    async with shopping(till, settings) as client:
        looks = [partial(client.get, f"/tills/{TILL}", headers=of(one)) for one in asked]
        answers = await asyncio.gather(*(eventually(look, is_no_503) for look in looks))
    assert {answer.status_code for answer in answers} == {200}
    found = await rows(settings, till, "SELECT * FROM audit WHERE action = 'show_till'")
    assert Counter(row["correlation_id"] for row in found) == Counter(asked)
    first = dict(found[0])
    assert first["actor"] == "anonymous" and first["outcome"] == "done"
    assert first["ids"] == [TILL] and first["route"] == "GET /tills/{id}"
    assert set(first["fields"]) == {"id", "sales", "total", "version"}


async def test_each_command_leaves_a_row_whatever_came_of_it(servers: Ground) -> None:
    till, settings = await provided(servers)
    one, many = sale(), [sale() for _ in range(100)]
    async with shopping(till, settings) as client:
        for body in (one, one, {**one, "amount": 2}, sale(0), {"till": "?"}):
            await client.post("/sales", json=body)
        await asyncio.gather(*(client.post("/sales", json=body) for body in many))
        await client.get(f"/tills/{uuid7()}")
    found = await rows(settings, till, "SELECT * FROM audit ORDER BY transaction_id, position")
    told = Counter((row["outcome"], row["code"]) for row in found)
    assert told == {
        ("done", None): 1 + 1 + len(many),
        ("again", None): 1,
        ("refused", "idempotency_conflict"): 1,
        ("refused", "illegal_transition"): 1,
        ("refused", "invalid"): 1,
        ("denied", "not_found"): 1,
    }
    done = [row for row in found if row["outcome"] == "done"]
    assert all(TILL in row["ids"] for row in done)
    assert set(done[0]["fields"]) == {"id", "till", "amount", "buyer"}
    events = await rows(
        settings,
        till,
        "SELECT event.causation_id, count(audit.*) FROM event"
        " LEFT JOIN audit ON command_id = causation_id AND outcome = 'done'"
        " WHERE causation_source LIKE '%/http' GROUP BY 1",
    )
    assert len(events) == 1 + 1 + len(many) and {row["count"] for row in events} == {1}
    assert "somebody" not in str(found)


async def test_who_dies_between_the_look_and_its_row_has_shown_nothing(
    servers: Ground, tmp_path: Path
) -> None:
    suffix = unique("a")
    till, _ = shop.services(suffix)
    settings = await servers.provide([till], shop.topics(till.topic))
    module = ["tests.support.shop_process", suffix, "till"]
    process = ServiceProcess(module, settings, tmp_path / "till.log", "0")
    looked, path = trace(), f"/tills/{TILL}"
    count = "SELECT count(*) FROM audit WHERE correlation_id = $1"
    try:
        process.start_with("read_not_recorded")
        await process.ready()
        async with httpx.AsyncClient(base_url=process.url, timeout=10) as client:
            assert (await client.post("/sales", json=sale())).status_code == 201
            with pytest.raises(httpx.HTTPError):
                await client.get(path, headers=of(looked))
        assert process.process and process.process.wait(10) == -signal.SIGKILL
        assert (await rows(settings, till, count, looked))[0][0] == 0
        process.start()
        await process.ready()
        async with httpx.AsyncClient(base_url=process.url, timeout=10) as client:
            assert (await client.get(path, headers=of(looked))).status_code == 200
        assert (await rows(settings, till, count, looked))[0][0] == 1
    finally:
        process.kill()


FULL = """
CREATE FUNCTION is_full() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE 'no space left' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER is_full BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION is_full();
"""
FAILURES = {
    "full": (FULL, "DROP TRIGGER is_full ON audit"),
    "unfit": (
        "ALTER TABLE audit ADD CONSTRAINT unfit CHECK (false) NOT VALID",
        "ALTER TABLE audit DROP CONSTRAINT unfit",
    ),
    "gone": ("ALTER TABLE audit RENAME TO audit_away", "ALTER TABLE audit_away RENAME TO audit"),
}


@pytest.mark.parametrize("failure", FAILURES)
async def test_where_no_row_can_be_added_nothing_is_shown_and_nothing_done(
    servers: Ground, failure: str
) -> None:
    till, settings = await provided(servers)
    breaks, mends = FAILURES[failure]
    path, refused = f"/tills/{TILL}", sale(0)
    async with (
        shopping(till, settings) as client,
        session(settings.url(till.name, "owner")) as owner,
    ):
        before = await client.get(path)
        await owner.execute(breaks)
        answers = [
            await client.get(path),
            await client.get(f"/tills/{uuid7()}"),
            await client.post("/sales", json=sale()),
            await client.post("/sales", json=refused),
        ]
        assert [answer.status_code for answer in answers] == [503] * 4
        assert all("sales" not in answer.text for answer in answers)
        await owner.execute(mends)
        assert (await client.get(path)).json() == before.json()
        assert (await client.post("/sales", json=sale())).status_code == 201


CHANGES = (
    "UPDATE {table} SET {column} = {column}",
    "DELETE FROM {table}",
    "TRUNCATE {table}",
    "ALTER TABLE {table} ADD COLUMN other int",
    "DROP TABLE {table}",
)


@pytest.mark.parametrize("role", ["writer", "reader", "owner"])
async def test_nobody_changes_a_row_and_the_reader_sees_none(servers: Ground, role: str) -> None:
    till, settings = await provided(servers)
    parts = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit'::regclass"
    tables = {row[0]: "actor" for row in await rows(settings, till, parts)}
    assert len(tables) == 5
    tables |= {"audit": "actor", "audit_seal": "first"}
    changes = CHANGES[:3] if role == "owner" else CHANGES
    async with session(settings.url(till.name, role)) as connection:
        for table, column in tables.items():
            for change in changes:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(change.format(table=table, column=column))
            if role == "reader":
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.fetch(f"SELECT FROM {table}")


ADD = """
INSERT INTO audit (actor, acting_for, action, resource, route, filters, fields, ids, outcome,
                   correlation_id)
SELECT $1, '{}', 'show', 'thing', 'GET', '{}', '{}', '{}', 'done', n::text
FROM generate_series(1, $2::int) AS n
"""
SEALED = """
SELECT first - 1 + n AS number, audit.actor FROM audit_seal,
    unnest(positions) WITH ORDINALITY AS of_row (position, n) JOIN audit USING (position)
ORDER BY number
"""


def sealing(name: str) -> Sealing:
    return Sealing(name, "/test", cast(Any, None), cast(Any, None))


async def actors(connection: asyncpg.Connection[Any]) -> list[str]:
    """Of sealed rows, by number; the numbers run from 1 without a gap."""
    found = await connection.fetch(SEALED)
    assert [row["number"] for row in found] == list(range(1, len(found) + 1))
    return [row["actor"] for row in found]


async def test_a_row_that_commits_late_is_sealed_once_and_in_its_order(servers: Ground) -> None:
    till, settings = await provided(servers)
    url = settings.url(till.name, "writer")
    async with session(url) as late, session(url) as other:
        await other.execute(ADD, "before", 3)
        older = late.transaction()
        await older.start()
        await late.execute(ADD, "late", 2)
        await other.execute(ADD, "after", 4)
        sealer = sealing(till.name)
        head = await sealer.seal(other)
        assert await actors(other) == ["before"] * 3
        assert head and head.number == 3
        assert await other.fetchval(UNSEALED) > 0
        await older.commit()
        for _ in range(2):
            head = await sealer.seal(other)
        assert await actors(other) == ["before"] * 3 + ["late"] * 2 + ["after"] * 4
        assert head and head.number == 9
        assert await other.fetchval(UNSEALED) is None


async def test_two_sealers_give_no_number_twice(servers: Ground) -> None:
    till, settings = await provided(servers)
    url = settings.url(till.name, "writer")
    async with session(url) as one, session(url) as two:
        await one.execute(ADD, "somebody", 2500)
        turns = (sealing(till.name).seal(connection) for connection in (one, two))
        done = await asyncio.gather(*turns, return_exceptions=True)
        lost = [error for error in done if isinstance(error, BaseException)]
        assert all(isinstance(error, asyncpg.UniqueViolationError) for error in lost)
        await sealing(till.name).seal(one)
        assert len(await actors(one)) == 2500


async def test_in_a_cluster_that_counts_anew_sealing_goes_on(servers: Ground) -> None:
    till, settings = await provided(servers)
    async with (
        session(servers.admin_url.rpartition("/")[0] + f"/{till.name}") as admin,
        session(settings.url(till.name, "owner")) as owner,
        session(settings.url(till.name, "writer")) as writer,
    ):
        for actor, seals in (("first", True), ("second", True), ("left", False)):
            await writer.execute(ADD, actor, 3)
            if seals:
                await sealing(till.name).seal(writer)
        ahead = "transaction_id = (transaction_id::text::bigint + 1000000000)::text::xid8"
        for table in ("audit", "audit_seal", "relay"):
            await admin.execute(f"UPDATE {table} SET {ahead}")
        assert await recovery.renumber(owner)
        await writer.execute(ADD, "new", 2)
        await sealing(till.name).seal(writer)
        wanted = ["first"] * 3 + ["second"] * 3 + ["left"] * 3 + ["new"] * 2
        assert await actors(writer) == wanted
        assert not await owner.fetchval("SELECT has_table_privilege('audit', 'UPDATE')")
        told = await dumped(writer, till)
        assert [line.number for line in told] == list(range(1, 12))


async def dumped(connection: asyncpg.Connection[Any], till: Room) -> list[chain.Sealed]:
    out = io.StringIO()
    await audit_files.write_dump(connection, till.name, out, lambda _: None)
    out.seek(0)
    return list(audit_files.read_dump(out)[1])


PLACED = ("transaction_id", "position", "at")


@pytest.mark.parametrize("role", ["writer", "reader"])
async def test_the_database_alone_says_where_a_row_stands_and_when_it_was_added(
    servers: Ground, role: str
) -> None:
    """given: a month that came after the grants; when: a role of the service adds rows; then: it
    may name neither their places nor their times, nor go round by a partition."""
    till, settings = await provided(servers)
    add = ADD.replace("SELECT $1,", "SELECT 'x',").replace("$2::int", "1")
    async with session(settings.url(till.name, "owner")) as owner:
        await owner.execute(
            "CREATE TABLE audit_later PARTITION OF audit"
            " FOR VALUES FROM ('2099-01-01') TO ('2099-02-01')"
        )
    async with session(settings.url(till.name, role)) as connection:
        await connection.execute(add)
        for name in PLACED:
            forged = add.replace("(actor", f"({name}, actor").replace("SELECT", "SELECT NULL,", 1)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(forged)
        for part in ("audit_default", "audit_later"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(add.replace("INTO audit", f"INTO {part}"))


@pytest.mark.parametrize(
    "place", ["'1'::xid8, position", "'0'::xid8, -5", "transaction_id, position"]
)
async def test_a_row_that_was_put_before_what_is_sealed_is_in_the_dump(
    servers: Ground, place: str
) -> None:
    """given: sealed rows; when: whoever may do everything adds one in the place of another, before
    all or in a place for good; then: a dump has it, and it is found."""
    till, settings = await provided(servers)
    columns = "(transaction_id, position, actor"
    forge = ADD.replace("(actor", columns).replace("SELECT $1", f"SELECT {place}, $1")
    forge = forge.replace("generate_series(1, $2::int) AS n", "audit, generate_series(1, $2) AS n")
    admin_url = servers.admin_url.rpartition("/")[0] + f"/{till.name}"
    async with session(settings.url(till.name, "writer")) as writer, session(admin_url) as admin:
        await writer.execute(ADD, "true", 1)
        await sealing(till.name).seal(writer)
        await admin.execute(forge, "forged", 1)
        lines = await dumped(writer, till)
    assert [line.passed for line in lines] == [False, True]
    verdict = chain.verify(till.name, datetime.now(UTC), lines, [])
    assert "inserted" in {fault.kind for fault in verdict.faults}


async def verified(settings: Settings, till: Room, folder: Path) -> Verdict:
    file = folder / "anchors"
    with file.open("w") as out:
        await audit_files.write_anchors(settings.kafka_bootstrap_servers, out)
    async with session(settings.url(till.name, "writer")) as connection:
        lines = await dumped(connection, till)
    known = audit_files.read_anchors(file, till.name)
    return chain.verify(till.name, datetime.now(UTC), lines, known)


async def test_what_a_service_did_is_anchored_when_it_has_stopped(
    servers: Ground, tmp_path: Path
) -> None:
    till, settings = await provided(servers)
    for count in (4, 7):
        async with shopping(till, settings) as client:
            for _ in range(count - 1):
                await client.get(f"/tills/{TILL}")
        verdict = await verified(settings, till, tmp_path)
        assert (verdict.name, verdict.faults) == ("valid", ())
        assert verdict.rows == verdict.anchored
    assert verdict.rows == 4 + 7


async def test_the_chain_of_a_process_that_died_goes_on_and_its_anchors_fit(
    servers: Ground, tmp_path: Path
) -> None:
    """It dies with anchors that were sent and are sent again."""
    suffix = unique("a")
    till, _ = shop.services(suffix)
    settings = await servers.provide([till], shop.topics(till.topic))
    module = ["tests.support.shop_process", suffix, "till"]
    process = ServiceProcess(module, settings, tmp_path / "till.log", "0")
    answered: list[UUID] = []

    async def sell() -> Sequence[UUID]:
        async with httpx.AsyncClient(base_url=process.url, timeout=5) as client:
            body = sale()
            try:
                if (await client.post("/sales", json=body)).status_code == 201:
                    answered.append(UUID(body["id"]))
            except httpx.HTTPError:
                pass
        return answered

    try:
        process.start_with("sent_not_marked:3")
        await eventually(sell, lambda _: _is_over(process), within=40)
        process.start()
        await process.ready()
        await eventually(sell, lambda sold: len(sold) > 5)
        assert process.stop() == 0
    finally:
        process.kill()
    verdict = await verified(settings, till, tmp_path)
    assert (verdict.name, verdict.faults) == ("valid", ())
    assert verdict.anchored == verdict.rows >= len(answered)


def _is_over(process: ServiceProcess) -> bool:
    return process.process is not None and process.process.poll() is not None
