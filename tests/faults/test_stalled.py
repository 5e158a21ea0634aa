"""A process that stands still without dying keeps nobody from publishing."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import asyncpg
import httpx
import pytest
from aiokafka import TopicPartition

from libs.common.clock import Clock
from libs.common.consumer import Consumer
from libs.common.database import session
from libs.common.ids import named, uuid7
from libs.common.settings import Settings
from libs.common.watchdog import STALLED
from libs.common.writer import Writer
from libs.embedded.servers import Servers
from tests.integration.test_relay import published
from tests.support import shop
from tests.support.awaiting import eventually
from tests.support.processes import ServiceProcess
from tests.support.servers import Ground, unique


async def sell(url: str, amount: int = 1) -> None:
    body = {"id": str(uuid7()), "till": str(named("till")), "amount": amount}
    async with httpx.AsyncClient(timeout=10) as client:
        assert (await client.post(f"{url}/sales", json=body)).status_code == 201


async def total(settings: Settings, topic: str) -> int:
    """How many different events are in the topic."""
    return len(await published(settings, topic))


@pytest.mark.timeout(120)
async def test_each_of_two_may_stand_still(servers: Ground, tmp_path: Path) -> None:
    """One of them holds the relay: the other ends its session and goes on."""
    suffix = unique("z")
    till, _ = shop.services(suffix)
    settings = await servers.provide([till], shop.topics(till.topic))
    module = ["tests.support.shop_process", suffix, "till"]
    pair = [ServiceProcess(module, settings, tmp_path / f"{n}.log", str(n)) for n in (0, 1)]
    try:
        for one in pair:
            one.start()
        for one in pair:
            await one.ready()
        for sold, (victim, other) in enumerate((pair, pair[::-1]), start=1):
            assert victim.process
            victim.process.send_signal(signal.SIGSTOP)
            await sell(other.url)
            await eventually(partial(total, settings, till.topic), sold.__eq__, within=40)
            victim.process.send_signal(signal.SIGCONT)
            await victim.ready()
    finally:
        for one in pair:
            one.kill()


@dataclass
class Pair:
    """A till and a book, a process each."""

    till: ServiceProcess
    book: ServiceProcess
    settings: Settings
    name: str

    async def counted(self) -> int:
        """Sales that it took, or that wait for their good."""
        async with session(self.settings.url(self.name, "reader")) as connection:
            return int(await connection.fetchval("SELECT count(*) FROM inbox"))


@pytest.fixture
async def pair(servers: Ground, tmp_path: Path) -> AsyncIterator[Pair]:
    suffix = unique("h")
    till, book = shop.services(suffix)
    settings = await servers.provide([till, book], shop.topics(till.topic, book.topic))
    both = [
        ServiceProcess(("tests.support.shop_process", suffix, name), settings, tmp_path / name)
        for name in ("till", "book")
    ]
    for one in both:
        one.start()
    for one in both:
        await one.ready()
    yield Pair(both[0], both[1], settings, book.name)
    for one in both:
        one.kill()


@pytest.mark.timeout(150)
async def test_a_process_that_hangs_ends_itself(pair: Pair) -> None:
    """Its event loop does not go on: a handler never ends."""
    await sell(pair.till.url, shop.ENDLESS)
    assert pair.book.process
    assert await asyncio.to_thread(pair.book.process.wait, 60) == STALLED


@pytest.mark.timeout(150)
async def test_sessions_that_answer_no_more_are_given_up(servers: Ground, pair: Pair) -> None:
    """And do not fail either: the process goes on with others."""
    if not isinstance(servers.own, Servers):
        pytest.skip("only sessions that are processes of this machine can be stopped")
    sessions = await sessions_of(servers, f"{pair.name}-writer")
    looking = await asyncpg.connect(servers.admin_url)
    try:
        for one in sessions:
            await eventually(partial(stopped_idle, looking, one), bool)
        await sell(pair.till.url)
        await eventually(pair.counted, (1).__eq__, within=60)
        assert pair.book.process and pair.book.process.poll() is None
    finally:
        for one in sessions:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGCONT)
        await looking.close()


Silent = Callable[[], Awaitable["asyncpg.Connection[Any]"]]


@pytest.fixture
async def silent(servers: Ground) -> AsyncIterator[Silent]:
    """Sessions that are given up after three seconds, since they never answer."""
    if not isinstance(servers.own, Servers):
        pytest.skip("only sessions that are processes of this machine can be stopped")
    stopped = []

    async def connect() -> asyncpg.Connection[Any]:
        made = await asyncpg.connect(servers.admin_url, command_timeout=3)
        stopped.append(made.get_server_pid())
        os.kill(stopped[-1], signal.SIGSTOP)
        return made

    yield connect
    for one in stopped:
        os.kill(one, signal.SIGCONT)


@pytest.mark.timeout(60)
async def test_a_session_that_says_nothing_is_waited_for_once(silent: Silent) -> None:
    """A consumer that waited for its answer, and then for its end, would be taken for one that
    hangs."""
    consumer = Consumer(Mock(), silent, Mock(), Mock())
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        await consumer._positions([TopicPartition("civicgrid.leads", 0)])
    assert time.monotonic() - begun < 5


@pytest.mark.timeout(60)
async def test_to_wait_behind_others_is_not_to_stand_still(silent: Silent) -> None:
    """The work of a consumer waits in the writer behind a command, both for a silent database."""
    rules = Mock(source="/till")
    writer = Writer(silent, rules, Mock(), Clock(), Mock(), Mock(), max_batch=1)
    consumer = Consumer(Mock(), silent, Mock(), writer)
    running = asyncio.create_task(writer.run())
    command = asyncio.create_task(writer.submit([Mock()]))
    await asyncio.sleep(0)
    begun = time.monotonic()
    storing = asyncio.create_task(consumer._store([Mock()]))
    try:
        with pytest.raises(TimeoutError):
            await command
        assert consumer.in_hand == 1
        assert consumer.attempted > begun + 2
    finally:
        storing.cancel()
        running.cancel()


async def stopped_idle(looking: asyncpg.Connection[Any], pid: int) -> bool:
    """Whether it stands still now, between two commands, or has ended: within one it may hold what
    all sessions of the server need, such as a lock on a page."""
    try:
        os.kill(pid, signal.SIGSTOP)
    except ProcessLookupError:
        return True
    query = "SELECT state FROM pg_stat_activity WHERE pid = $1"
    with suppress(TimeoutError):
        if await looking.fetchval(query, pid, timeout=2) == "idle":
            return True
    os.kill(pid, signal.SIGCONT)
    return False


async def sessions_of(servers: Ground, application: str) -> list[int]:
    """Ids of the processes of PostgreSQL that serve it."""
    connection = await asyncpg.connect(servers.admin_url)
    try:
        query = "SELECT pid FROM pg_stat_activity WHERE application_name = $1"
        return [row["pid"] for row in await connection.fetch(query, application)]
    finally:
        await connection.close()
