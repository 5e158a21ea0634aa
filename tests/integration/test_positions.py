"""Where a service stands in a topic, while processes of it come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

import pytest
from aiokafka import TopicPartition

from libs.common import fetching, wire
from libs.common.consumer import Consumer, Standing
from libs.common.database import session
from libs.common.fetching import Record
from libs.common.ids import named, uuid7
from libs.common.journal import Connection
from libs.common.messages import Cause
from libs.common.running import Running
from libs.common.serving import started
from libs.common.work import Work
from tests.support import shop
from tests.support.awaiting import eventually
from tests.support.servers import Ground, unique

TILL = named("till of two")
SALES = "SELECT coalesce(sum((state ->> 'sales')::int), 0)::int FROM page"
STANDS = "SELECT topic, partition, next FROM position WHERE next > 1"
MOVE = "UPDATE position SET next = $1, last_id = $2 WHERE topic = $3 AND partition = $4"


async def sell(till: Running) -> None:
    plan = [shop.TILL.to(TILL, shop.Sell("tea", 1))]
    await till.writer.submit([Work(lambda _: plan, Cause("test", "c", uuid7(), "test"))])


async def last_of(bootstrap: str, at: TopicPartition) -> Record:
    found = [one async for tp, one in fetching.everything(bootstrap, [at.topic]) if tp == at]
    return found[-1]


async def test_what_another_process_stores_meanwhile_makes_no_topic_new(
    servers: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """given: a process that is out of the group and does not know it; when: it stores one more
    record while another is told where the topic ends and where the service stands; then: nothing
    is read from the beginning again."""
    till, book = shop.services(unique("p"))
    settings = await servers.provide([till, book], shop.topics(till.topic, book.topic))
    ask = Consumer._positions

    async with (
        started([till], settings) as (selling,),
        session(settings.url(book.name, "owner")) as looking,
    ):
        listing = [shop.GOOD.to(named("tea"), shop.ListGood("tea"))]
        cause = Cause("test", "c", uuid7(), "test")
        await selling.writer.submit([Work(lambda _: listing, cause)])
        async with started([book], settings):
            for _ in range(5):
                await sell(selling)
            await eventually(partial(looking.fetchval, SALES), (5).__eq__)
        [row] = await looking.fetch(STANDS)
        at, next = TopicPartition(row["topic"], row["partition"]), row["next"]

        is_moved = asyncio.Event()

        async def late(
            self: Consumer, fresh: Sequence[TopicPartition]
        ) -> dict[TopicPartition, Standing]:
            monkeypatch.setattr(Consumer, "_positions", ask)
            await sell(selling)
            last = partial(last_of, settings.kafka_bootstrap_servers, at)
            await store(looking, at, await eventually(last, lambda one: one.offset == next))
            is_moved.set()
            return await ask(self, fresh)

        monkeypatch.setattr(Consumer, "_positions", late)
        async with started([book], settings):
            await is_moved.wait()
            await sell(selling)
            sales = await eventually(partial(looking.fetchval, SALES), lambda sales: sales > 5)
        assert sales == 6, "the one of the other process is read again"


async def store(connection: Connection, at: TopicPartition, record: Record) -> None:
    await connection.execute(MOVE, record.offset + 1, wire.identity(record), *at)
