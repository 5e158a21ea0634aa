"""What a database lacks after it was restored, in whatever order Kafka holds it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from pydantic import TypeAdapter

from libs.common import fetching, measuring, recovery
from libs.common.database import session
from libs.common.ids import named, uuid7
from libs.common.messages import Cause, Decider, Event
from libs.common.running import OldDatabase, Running
from libs.common.serving import started
from libs.common.settings import Settings
from libs.common.work import Work
from tests.faults.test_restore import back_up, restore
from tests.support import shop
from tests.support.awaiting import eventually
from tests.support.servers import Ground, unique

TILL = named("till one")


async def sell(till: Running, times: int) -> None:
    plan = [shop.TILL.to(TILL, shop.Sell("tea", 1))]
    for _ in range(times):
        await till.writer.submit([Work(lambda _: plan, Cause("test", "c", uuid7(), "test"))])


async def published(settings: Settings, name: str) -> bool:
    async with session(settings.url(name, "writer")) as connection:
        count, _ = await measuring.unpublished(connection)
    return count == 0


@asynccontextmanager
async def at_work(till: shop.Room, settings: Settings) -> AsyncIterator[Running]:
    """Until all that it stored is published."""
    async with started([till], settings) as [running]:
        yield running
        await eventually(partial(published, settings, till.name), bool)


async def sales(settings: Settings, name: str) -> int:
    async with session(settings.url(name, "writer")) as connection:
        version = await connection.fetchval("SELECT version FROM till WHERE id = $1", TILL)
    return int(version or 0)


async def recovered(till: shop.Room, settings: Settings) -> recovery.Recovered:
    async with session(settings.url(till.name, "writer")) as connection:
        bootstrap = settings.kafka_bootstrap_servers
        return await recovery.recover(till, bootstrap, [till.topic], connection)


async def lose(bootstrap: str, tp: TopicPartition, before: int) -> None:
    """All records of the partition before that offset."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.delete_records({tp: RecordsToDelete(before_offset=before)})
    await admin.close()


async def move_to_the_end(bootstrap: str, topic: str, count: int) -> None:
    """The first records of the topic's one partition, as when a wiped topic got new events before
    the old ones were published again."""
    records = [one async for one in fetching.everything(bootstrap, [topic])]
    [tp] = {tp for tp, _ in records}
    await lose(bootstrap, tp, records[count][1].offset)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    for _, record in records[:count]:
        told: dict[str, Any] = {"key": record.key, "headers": list(record.headers)}
        await producer.send_and_wait(tp.topic, record.value, partition=tp.partition, **told)
    await producer.stop()


class Answered(Event):
    type: ClassVar[str] = "item.answered.v1"
    office: str

    @property
    def topic(self) -> str:
        return f"civicgrid.receipts.{self.office}"


ITEM: Decider[str, str, Answered] = Decider(
    "till",
    lambda _: "",
    lambda state, office: [Answered(office=office)],
    lambda state, event: event.office,
    TypeAdapter(str),
    (Answered,),
)


@pytest.mark.timeout(120)
async def test_a_database_that_lacks_an_answer_to_an_outside_source_is_behind(
    servers: Ground,
) -> None:
    """And nothing else: the item comes again, and would get a second answer, of another id."""
    till, _ = shop.services(unique("v"))
    office = unique("office")
    intake = f"civicgrid.intake.{office}"
    till = replace(till, deciders=(ITEM,), consumes=(intake,))
    topics = shop.topics(till.topic, intake, f"civicgrid.receipts.{office}")
    settings = await servers.provide([till], topics)
    await back_up(servers, till.name)
    async with at_work(till, settings) as running:
        plan = [ITEM.to(named("item"), office)]
        await running.writer.submit([Work(lambda _: plan, Cause("test", "c", uuid7(), "test"))])
    await restore(servers, till.name)
    with pytest.raises(OldDatabase):
        async with started([till], settings):
            pass


@pytest.mark.timeout(120)
async def test_events_published_again_behind_newer_ones_are_all_found(servers: Ground) -> None:
    till, _ = shop.services(unique("v"))
    settings = await servers.provide([till], shop.topics(till.topic))
    await back_up(servers, till.name)
    async with at_work(till, settings) as running:
        await sell(running, 3)
    await move_to_the_end(settings.kafka_bootstrap_servers, till.topic, 2)
    await restore(servers, till.name)
    assert (await recovered(till, settings)).events == 3
    assert await sales(settings, till.name) == 3
    async with started([till], settings):
        pass


@pytest.mark.timeout(120)
async def test_an_event_that_kafka_has_lost_is_a_gap(servers: Ground) -> None:
    till, _ = shop.services(unique("v"))
    settings = await servers.provide([till], shop.topics(till.topic))
    await back_up(servers, till.name)
    async with at_work(till, settings) as running:
        await sell(running, 3)
    bootstrap = settings.kafka_bootstrap_servers
    [(tp, _), *_] = [one async for one in fetching.everything(bootstrap, [till.topic])]
    await lose(bootstrap, tp, 1)
    await restore(servers, till.name)
    with pytest.raises(recovery.Gap, match="take a newer backup"):
        await recovered(till, settings)


@pytest.mark.timeout(180)
async def test_a_restored_database_that_starts_without_a_broker_contradicts_nobody(
    servers: Ground,
) -> None:
    """given: a database restored, and the broker away; when: its service starts, takes a command,
    and the broker comes back; then: nothing was published, the service says what to do, and a
    recovery says that the database went on by itself."""
    if servers.own is None:
        pytest.skip("the servers of the environment are not ours to kill")
    till, _ = shop.services(unique("v"))
    settings = await servers.provide([till], shop.topics(till.topic))
    await back_up(servers, till.name)
    async with at_work(till, settings) as running:
        await sell(running, 2)
    await restore(servers, till.name)
    bootstrap = settings.kafka_bootstrap_servers
    servers.own.kafka.kill()
    async with AsyncExitStack() as stack:
        try:
            [running] = await stack.enter_async_context(started([till], settings))
            await sell(running, 1)
        finally:
            servers.own.kafka.start()
        with pytest.raises(OldDatabase):
            await asyncio.wait_for(running.old, 60)
    assert len([one async for one in fetching.everything(bootstrap, [till.topic])]) == 2
    with pytest.raises(recovery.Gap, match="after it was restored"):
        await recovered(till, settings)
