"""A process that cannot start says why in a line, and one that waits can be told to stop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from libs.common import database, kafka
from libs.common.running import Running
from libs.common.serving import started
from libs.common.settings import Settings, SettingsError
from tests.support import shop
from tests.support.awaiting import eventually
from tests.support.processes import ServiceProcess
from tests.support.servers import TOKENS, Ground, unique

NOBODY = Settings.model_validate(
    {
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "DATABASE_URL": "postgresql://{role}:nobody-at-all@127.0.0.1:1/{service}",
        "tokens": TOKENS,
    }
)


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[ServiceProcess]:
    """A process whose database is away."""
    process = ServiceProcess(("services.scoring",), NOBODY, tmp_path / "log")
    yield process
    process.kill()


async def test_a_process_that_waits_for_its_database_stops_when_told(
    waiting: ServiceProcess,
) -> None:
    async def log() -> str:
        return waiting.log.read_text()

    waiting.start()
    await eventually(log, lambda text: "no database yet" in text)
    assert waiting.stop() == 0


@pytest.mark.parametrize("name", ["port", "admin_port"])
async def test_a_port_that_somebody_has_is_named(waiting: ServiceProcess, name: str) -> None:
    with socket.create_server(("127.0.0.1", getattr(waiting, name))):
        waiting.start()
        assert waiting.process
        assert waiting.process.wait(30) == 1
    assert f"port {getattr(waiting, name)} is taken" in waiting.log.read_text()
    assert "Traceback" not in waiting.log.read_text()


@pytest.mark.parametrize("role", ["{service}_owner", "postgres"])
async def test_a_role_that_owns_its_tables_is_refused_by_name(servers: Ground, role: str) -> None:
    till, _ = shop.services(unique("o"))
    settings = await servers.provide([till], shop.topics(till.topic))
    url = settings.database_url.replace("{role}", role)
    if role == "postgres":
        url = f"{servers.admin_url.rpartition('/')[0]}/{{service}}?application_name=x"
    running = Running(till, settings.model_copy(update={"database_url": url}))
    with pytest.raises(
        SettingsError, match=r"DATABASE_URL: the writer of till_\w+ owns its tables"
    ):
        await running.start()
    await running.stop()


async def test_a_process_waits_while_its_database_has_no_session_left(servers: Ground) -> None:
    till, _ = shop.services(unique("n"))
    settings = await servers.provide([till], shop.topics(till.topic))
    running = Running(till, settings)
    async with database.session(servers.admin_url) as admin:
        limit = f"ALTER ROLE {till.name}_writer CONNECTION LIMIT"
        await admin.execute(f"{limit} 0")
        with capture_logs() as logs:
            start = asyncio.create_task(running.start())

            async def told() -> list[Any]:
                return [one.get("error") for one in logs]

            await eventually(told, lambda errors: "TooManyConnectionsError" in errors)
            await admin.execute(f"{limit} -1")
            await asyncio.wait_for(start, 30)
    await running.stop()


async def test_a_database_that_refuses_the_command_is_a_line(
    servers: Ground, tmp_path: Path
) -> None:
    settings = servers.settings()
    wrong = settings.database_url.replace("{role}:", "nobody_{role}:")
    settings = settings.model_copy(update={"database_url": wrong})
    command = ServiceProcess(("cli", "trace", "x"), settings, tmp_path / "log")
    command.start()
    assert command.process
    assert command.process.wait(60) == 1
    assert "the database refuses" in command.log.read_text()
    assert "Traceback" not in command.log.read_text()


async def test_a_record_that_only_claims_to_be_ours_keeps_nobody_from_starting(
    servers: Ground,
) -> None:
    till, _ = shop.services(unique("s"))
    settings = await servers.provide([till], shop.topics(till.topic))
    producer = kafka.producer(settings.kafka_bootstrap_servers, "test")
    await producer.start()
    headers = [("ce_source", till.source.encode()), ("ce_type", b"till.sold.v1")]
    await producer.send_and_wait(till.topic, b"<sale/>", key=b"one", headers=headers)
    await producer.stop()
    async with started([till], settings) as running:
        assert running[0].faults == {}
