"""What a service needs to know comes before what it decides by it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

import pytest
from aiokafka import TopicPartition

from libs.common import precedence
from libs.common.consumer import Consumer
from libs.common.database import session
from libs.common.fetching import Record
from libs.common.ids import named, uuid7
from libs.common.messages import Cause
from libs.common.running import Running
from libs.common.serving import started
from libs.common.settings import Settings
from libs.common.work import Work
from tests.support import shop
from tests.support.awaiting import eventually
from tests.support.servers import Ground, unique

GOODS = 3000
"""More than are handled at a time."""
TILL = named("a till")
HANDLED = "SELECT EXISTS (SELECT FROM inbox WHERE source = $1)"
UNPUBLISHED = """
SELECT count(*) FROM event, relay
WHERE (event.transaction_id, event.position) > (relay.transaction_id, relay.position)
"""


@dataclass
class Late:
    """A book that has read nothing yet of the goods of one till, and of the sale of another."""

    book: shop.Room
    lists: shop.Room
    sells: shop.Room
    settings: Settings

    async def is_sold(self) -> bool:
        async with session(self.settings.url(self.book.name, "reader")) as connection:
            return bool(await connection.fetchval(HANDLED, self.sells.source))


@asynccontextmanager
async def at_work(late: Late, *services: shop.Room) -> AsyncIterator[list[Running]]:
    async with started(services, late.settings) as running:
        yield running


@pytest.fixture
async def late(servers: Ground) -> Late:
    lists, book = shop.services(unique("f"))
    sells, _ = shop.services(unique("g"))
    book = replace(book, consumes=(lists.topic, sells.topic), first=(lists.topic,))
    topics = shop.topics(lists.topic, sells.topic, book.topic)
    settings = await servers.provide([lists, sells, book], topics)
    late = Late(book, lists, sells, settings)
    async with at_work(late, lists, sells) as (listing, selling):
        cause = Cause("test", "c", uuid7(), "test")
        names = [f"good {n}" for n in range(GOODS)]
        plans = [shop.GOOD.to(named(name), shop.ListGood(name)) for name in [*names, "tea"]]
        await listing.writer.submit([Work(lambda _: plans, cause)])
        sale = [shop.TILL.to(TILL, shop.Sell("tea", 5))]
        await selling.writer.submit([Work(lambda _: sale, cause)])
        for one in (lists, sells):
            await eventually(partial(unpublished, settings, one), (0).__eq__)
    return late


async def unpublished(settings: Settings, one: shop.Room) -> int:
    async with session(settings.url(one.name, "reader")) as connection:
        return int(await connection.fetchval(UNPUBLISHED))


async def test_a_service_that_is_new_reads_what_it_needs_to_know_first(
    late: Late, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    works = Consumer._works

    def noted(self: Consumer, tp: TopicPartition, records: Sequence[Record]) -> list[Work]:
        read.extend([tp.topic] * len(records))
        return works(self, tp, records)

    monkeypatch.setattr(Consumer, "_works", noted)
    async with at_work(late, late.book):
        await eventually(late.is_sold, bool)
    assert read[: GOODS + 1] == [late.lists.topic] * (GOODS + 1)


async def test_what_is_read_no_more_is_not_waited_for(
    late: Late, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precedence, "PATIENCE_SECONDS", 0.5)
    async with at_work(late, late.book) as (book,):
        assert book.consumer
        book.consumer.stopped[late.lists.topic] = "as after too many dead letters"
        await eventually(late.is_sold, bool)
