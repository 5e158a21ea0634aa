"""Kafka's data can be lost: the journals publish them again."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import pytest

from libs.common import provisioning
from libs.common.relay import republish
from tests.integration.test_relay import in_order
from tests.integration.test_two_services import open_shop
from tests.support import shop
from tests.support.awaiting import eventually
from tests.support.journals import counted
from tests.support.servers import Ground

TOLD = shop.Sold.type
SUM = "SELECT sum(sales) FROM takings"


async def test_after_the_brokers_data_were_deleted_every_consumer_comes_to_the_same_state(
    servers: Ground,
) -> None:
    if servers.own is None:
        pytest.skip("the servers of the environment are not ours to wipe")
    async with open_shop(servers) as there:
        await there.list_good("tea")
        for _ in range(20):
            await there.sell(1)
        await eventually(lambda: there.book_rows(SUM), lambda rows: rows[0][0] == 20)
        servers.own.wipe_kafka()
        for _ in range(5):
            assert (await there.sell(1)).status_code == 201
        url, topic = there.settings.url(there.till.service.name, "writer"), there.till.service.topic
        connection = await asyncpg.connect(url)
        ours, all = await counted(url, topic)
        assert ours == 26
        told = await republish(connection, datetime(2020, 1, 1, tzinfo=UTC))
        assert told >= all  # the audit may be anchored meanwhile
        await connection.close()
        topics = shop.topics(topic, there.book.service.topic)
        await provisioning.apply_topics(servers.kafka, topics)
        await eventually(lambda: there.book_rows(SUM), lambda rows: rows[0][0] == 25)
        page = await eventually(there.page, lambda page: page is not None and "25" in page)
        assert '"sales": 25' in str(page)
        assert await there.book_rows("SELECT id FROM dead_letter") == []
        sales = [one for one in await in_order(there.settings, topic) if one["ce_type"] == TOLD]
        assert [one["ce_aggregateversion"] for one in sales] == [str(n) for n in range(1, 26)]
