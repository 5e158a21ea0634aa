"""Topics are what their file says; they grow only while nothing is on its way."""

from __future__ import annotations

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from libs.common import kafka, topics
from libs.common.topics import File, Topic, TopicsError
from tests.support.awaiting import eventually
from tests.support.servers import Ground, unique


async def test_a_topic_grows_and_never_shrinks(servers: Ground) -> None:
    name = unique("grow")
    there = Topic(owner="t", readers=(), retention_days=1)
    file = File(partitions=3, replication=1, topics={name: there})
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.kafka)
    await admin.start()
    try:
        changes = await topics.difference(admin, file)
        assert [change.topic for change in changes] == [name]
        await topics.apply(admin, file, changes)
        await topics.grow(admin, [name], 5)

        async def count() -> int:
            return len(await kafka.partitions(servers.kafka, [name]))

        await eventually(count, (5).__eq__)
        with pytest.raises(TopicsError):
            await topics.grow(admin, [name], 4)
        with pytest.raises(TopicsError, match="partitions"):
            await topics.difference(admin, file)
    finally:
        await admin.close()


async def test_no_topic_comes_into_being_by_itself(servers: Ground) -> None:
    name = unique("nobody")
    producer = AIOKafkaProducer(bootstrap_servers=servers.kafka, request_timeout_ms=1000)
    await producer.start()
    with pytest.raises(Exception, match=r"(?i)timeout|unknown"):
        await producer.send_and_wait(name, b"x")
    await producer.stop()
    assert await kafka.partitions(servers.kafka, [name]) == []
