"""The broker is away, or silent: what needs no broker goes on, on time."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import asyncpg
import pytest

from libs.common import fetching, kafka, provisioning
from libs.common.ids import named, uuid7
from libs.common.serving import started
from tests.support import shop
from tests.support.awaiting import eventually
from tests.support.processes import ServiceProcess
from tests.support.servers import Ground, unique

SET = """
INSERT INTO timer SELECT 'check', id, clock_timestamp() + due * interval '1 second',
    json_build_object('page', $2::text), 'c'
FROM unnest($1::uuid[]) WITH ORDINALITY AS asked (id, due)
"""
LATE = """
SELECT coalesce(max(clock_timestamp() - due_at), '0') AS late, count(*) AS left FROM timer
WHERE name = 'check'
"""
UNPUBLISHED = """
SELECT count(*) FROM event, relay WHERE event.transaction_id > relay.transaction_id
"""
LAST = 30
"""Seconds for which timers fall due: longer than any patience of a producer."""


@pytest.mark.timeout(150)
async def test_timers_are_fired_when_they_fall_due(servers: Ground, tmp_path: Path) -> None:
    if servers.own is None:
        pytest.skip("the servers of the environment are not ours to kill")
    suffix = unique("a")
    till, book = shop.services(suffix)
    settings = await servers.provide([till, book], shop.topics(till.topic, book.topic))
    module = ("tests.support.shop_process", suffix, "book")
    process = ServiceProcess(module, settings, tmp_path / "book.log")
    process.start()
    connection = await asyncpg.connect(settings.url(book.name, "writer"))

    async def left() -> tuple[float, int]:
        row = await connection.fetchrow(LATE)
        assert row
        late = row["late"].total_seconds()
        assert late < 5, f"a timer is {late:.1f} s late"
        return late, row["left"]

    try:
        await process.ready()
        servers.own.kafka.kill()
        try:
            ids = [uuid7() for _ in range(LAST)]
            await connection.execute(SET, ids, str(named("page")))
            await eventually(left, lambda one: one[1] == 0, within=LAST + 10)
        finally:
            servers.own.kafka.start()
        await eventually(lambda: connection.fetchval(UNPUBLISHED), (0).__eq__, within=60)
    finally:
        process.kill()
        await connection.close()


@pytest.mark.timeout(100)
async def test_a_service_starts_although_the_broker_takes_connections_and_says_nothing(
    servers: Ground,
) -> None:
    till, _ = shop.services(unique("m"))
    settings = await servers.provide([till], shop.topics(till.topic))
    silent = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    told = settings.model_copy(update={"kafka_bootstrap_servers": f"127.0.0.1:{port}"})
    async with silent, asyncio.timeout(25), started([till], told) as (running,):
        assert running.is_ready


@pytest.mark.timeout(60)
async def test_a_producer_that_is_given_up_sends_nothing_any_more(servers: Ground) -> None:
    """Its broker has lost its topics: what it holds would be the first record of the new one."""
    topic = unique("given.up")
    made = kafka.producer(servers.kafka, "test")
    await made.start()
    batch = made.create_batch()
    batch.append(key=b"", value=b"{}", timestamp=None)
    sending = asyncio.create_task(made.send_batch(batch, topic, partition=0))
    await asyncio.wait([sending], timeout=1)
    begun = time.monotonic()
    await kafka.give_up(made)
    assert time.monotonic() - begun < 3
    await provisioning.apply_topics(servers.kafka, shop.topics(topic))
    sending.cancel()
    assert made._sender.sender_task.done()
    assert [one async for one in fetching.everything(servers.kafka, [topic])] == []
