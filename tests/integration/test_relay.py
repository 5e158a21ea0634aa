"""Two processes of one service: exactly one publishes, and the other takes over from a dead one."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from libs.common import fetching
from libs.common.database import session
from libs.common.ids import named, uuid7
from libs.common.relay import republish
from libs.common.serving import interface, started
from libs.common.settings import Settings
from tests.support import shop
from tests.support.awaiting import eventually
from tests.support.servers import Ground, unique

STORED = """
    INSERT INTO event (aggregate, stream_id, version, transaction_id, event_id, topic, type, key,
        data, actor, correlation_id, causation_id, causation_source, exercise, recorded_at)
    SELECT 'till', $1, version, transaction_id::text::xid8, gen_random_uuid(), $2, 'till.sold.v1',
        'key', '{}', 'system', '', $1, '', false, now()
    FROM unnest($3::int[], $4::int[]) AS new (version, transaction_id)
"""


async def published(settings: Settings, topic: str) -> Counter[str]:
    """How often each event is in the topic, by its id."""
    return Counter(headers["ce_id"] for headers in await in_order(settings, topic))


async def in_order(settings: Settings, topic: str) -> list[dict[str, str]]:
    """The headers of all records, those of a partition in their order."""
    records = fetching.everything(settings.kafka_bootstrap_servers, [topic])
    return [{name: value.decode() for name, value in one.headers} async for _, one in records]


async def sell(running: Any, count: int) -> None:
    transport = httpx.ASGITransport(interface(running), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        for _ in range(count):
            body = {"id": str(uuid7()), "till": str(named("till")), "amount": 1}
            assert (await client.post("/sales", json=body)).status_code == 201


async def test_one_of_two_publishes_and_the_other_takes_over(servers: Ground) -> None:
    till, _ = shop.services(unique("r"))
    settings = await servers.provide([till], shop.topics(till.topic))

    async def all_of(count: int) -> None:
        async def total() -> int:
            return (await published(settings, till.topic)).total()

        await eventually(total, count.__eq__)
        assert set((await published(settings, till.topic)).values()) == {1}

    async with started([till], settings) as second:
        async with started([till], settings) as first:
            both = (first[0].relay, second[0].relay)
            await sell(first, 10)
            await sell(second, 10)
            await all_of(20)
            assert sum(relay.is_leader for relay in both) == 1
        await sell(second, 5)
        await all_of(25)
        assert second[0].relay.is_leader


async def test_what_is_published_again_does_not_wait_for_the_next_event(servers: Ground) -> None:
    till, _ = shop.services(unique("r"))
    settings = await servers.provide([till], shop.topics(till.topic))
    async with started([till], settings) as running:

        async def times() -> set[int]:
            return set((await published(settings, till.topic)).values())

        await sell(running, 3)
        await eventually(times, {1}.__eq__)
        async with session(settings.url(till.name, "writer")) as connection:
            assert await republish(connection, datetime.now(UTC) - timedelta(hours=1)) >= 3
        await eventually(times, {2}.__eq__)


async def test_transactions_are_published_in_their_order_as_numbers(servers: Ground) -> None:
    """Sorted as text, 10 would come before 9, and what a batch cuts off would never be sent."""
    till, _ = shop.services(unique("r"))
    settings = await servers.provide([till], shop.topics(till.topic))
    async with session(settings.url(till.name, "writer")) as connection:
        await connection.execute(STORED, uuid7(), till.topic, [1, 2, 3], [9, 10, 100])
    async with started([till], settings):

        async def versions() -> list[str]:
            return [one["ce_aggregateversion"] for one in await in_order(settings, till.topic)]

        found = await eventually(versions, lambda found: len(found) >= 3)
        assert found == ["1", "2", "3"]


async def test_what_waits_for_an_older_transaction_is_published_once_that_ends(
    servers: Ground,
) -> None:
    """Of another service's database too, whose end nobody notifies of."""
    till, _ = shop.services(unique("r"))
    settings = await servers.provide([till], shop.topics(till.topic))

    async def sold() -> int:
        return (await published(settings, till.topic)).total()

    async with started([till], settings) as running, session(servers.admin_url) as elsewhere:
        await sell(running, 1)
        await eventually(sold, (1).__eq__)
        older = elsewhere.transaction()
        await older.start()
        await elsewhere.fetchval("SELECT pg_current_xact_id()::text")
        await sell(running, 2)
        assert await sold() == 1
        await older.commit()
        await eventually(sold, (3).__eq__)
