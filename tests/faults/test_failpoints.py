"""Each named point ends its process where it says, and nothing is lost or doubled by it."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from libs.common import database
from libs.common.ids import named, uuid7
from libs.common.settings import SettingsError, load
from tests.faults.test_kill import list_tea
from tests.support import shop
from tests.support.awaiting import eventually
from tests.support.checks import check_states, fetch
from tests.support.processes import ServiceProcess
from tests.support.servers import PASSWORD, Ground, unique

SELLER = (
    "before_commit",
    "after_commit",
    "before_answer",
    "before_send",
    "sent_not_marked",
    "marked",
)
READER = ("revoked", "stored_not_told")
SUM = "SELECT coalesce(sum(sales), 0) FROM takings"


def test_a_point_that_is_not_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"KAFKA_BOOTSTRAP_SERVERS": "k:1", "DATABASE_URL": "postgresql://{role}:p@h/{service}"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    for wrong in ("nowhere", "marked:0", "marked:x"):
        monkeypatch.setenv("CIVICGRID_FAILPOINT", wrong)
        with pytest.raises(SettingsError, match="FAILPOINT"):
            load()
    monkeypatch.setenv("CIVICGRID_FAILPOINT", "marked:3")
    assert load().failpoint == "marked:3"


async def sold(url: str, body: dict[str, object]) -> int:
    """The status; 0 where the process died before it answered."""
    async with httpx.AsyncClient(timeout=10) as client:
        try:
            return (await client.post(f"{url}/sales", json=body)).status_code
        except httpx.HTTPError:
            return 0


def code_of(process: ServiceProcess) -> int | None:
    assert process.process
    return process.process.poll()


async def ends(process: ServiceProcess, ask: Callable[[], Awaitable[int]]) -> None:
    """By its own hand, while it is asked again and again."""

    async def asked() -> int | None:
        await ask()
        return code_of(process)

    code = await eventually(asked, lambda code: code is not None, within=40)
    assert code == -signal.SIGKILL


def sale() -> dict[str, object]:
    return {"id": str(uuid7()), "till": str(named("till")), "amount": 1}


@pytest.mark.timeout(400)
async def test_a_process_ends_at_each_point_and_every_sale_is_counted_once(
    servers: Ground, tmp_path: Path
) -> None:
    suffix = unique("f")
    till, book = shop.services(suffix)
    settings = await servers.provide([till, book], shop.topics(till.topic, book.topic))
    await list_tea(till, settings)
    module = ["tests.support.shop_process", suffix]
    seller, reader = (
        ServiceProcess([*module, name], settings, tmp_path / f"{name}.log", "0")
        for name in ("till", "book")
    )
    bodies = [sale() for _ in range(len(SELLER) + len(READER))]
    try:
        for point, body in zip(SELLER, bodies, strict=False):
            seller.start_with(point)
            await ends(seller, partial(sold, seller.url, body))
        seller.start()
        await seller.ready()
        for point, body in zip(READER, bodies[len(SELLER) :], strict=False):
            reader.start_with(point)
            await ends(reader, partial(sold, seller.url, body))
        reader.start_with("stopping")
        await reader.ready()
        assert reader.stop() == -signal.SIGKILL
        reader.start()
        for body in bodies:
            assert await sold(seller.url, body) in (200, 201)
        wanted = len(bodies)
        rows = await eventually(partial(fetch, settings, book, SUM), at_least(wanted), within=60)
        assert rows[0][0] == wanted
        for service in (till, book):
            await check_states(settings, service)
    finally:
        for process in (seller, reader):
            process.kill()


def at_least(wanted: int) -> Callable[[Sequence[Any]], bool]:
    return lambda rows: rows[0][0] >= wanted


@pytest.mark.timeout(120)
async def test_a_migration_that_is_cut_off_runs_whole_the_next_time(
    servers: Ground, tmp_path: Path
) -> None:
    suffix = unique("m")
    till, _ = shop.services(suffix)
    settings = await servers.provide([], shop.topics(till.topic))
    await database.create(servers.admin_url, [till.name], lambda _: PASSWORD)
    setting_up = ServiceProcess(
        ["tests.support.shop_process", suffix, "migrate"], settings, tmp_path / "migrate.log"
    )
    setting_up.start_with("migrating:2")
    assert code_when_over(setting_up) == -signal.SIGKILL
    setting_up.start()
    assert code_when_over(setting_up) == 0
    owner = settings.url(till.name, "owner")
    async with database.session(owner) as connection:
        ran = await connection.fetch("SELECT name FROM migration ORDER BY name")
        core = sorted(f"core/{file.stem}" for file in database.CORE.glob("*.sql"))
        assert [row["name"] for row in ran] == [*core, f"{till.name}/001_tables"]
        assert await connection.fetchval("SELECT count(*) FROM till") == 0


def code_when_over(process: ServiceProcess) -> int:
    assert process.process
    return process.process.wait(30)
