"""How each service stands: what it has not read, not published, not been able to handle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.common import kafka
from libs.common.database import session
from libs.common.measuring import lag, unpublished
from libs.common.service import Service
from libs.common.settings import Settings

COUNTS = """
SELECT (SELECT count(*) FROM event) AS events,
       (SELECT count(*) FROM dead_letter) AS dead_letters,
       (SELECT count(*) FROM timer) AS timers,
       (SELECT count(*) FROM timer WHERE due_at < clock_timestamp()) AS timers_due,
       (SELECT count(*) FROM inbox WHERE outcome = 'waiting') AS waiting
"""


@dataclass(frozen=True)
class State:
    service: str
    events: int
    lag: int
    unpublished: int
    dead_letters: int
    timers: int
    timers_due: int
    waiting: int


async def states(settings: Settings, services: Sequence[Service]) -> list[State]:
    """Of every service, read from its database and from Kafka."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_bootstrap_servers)
    try:
        await consumer.start()
        topics = [topic for service in services for topic in service.consumes]
        known = await kafka.partitions(settings.kafka_bootstrap_servers, topics)
        return [await _state(settings, service, consumer, known) for service in services]
    finally:
        await consumer.stop()


async def _state(
    settings: Settings,
    service: Service,
    consumer: AIOKafkaConsumer,
    known: Sequence[TopicPartition],
) -> State:
    async with session(settings.url(service.name, "reader")) as connection:
        counts = await connection.fetchrow(COUNTS)
        unsent, _ = await unpublished(connection)
        positions = {
            TopicPartition(row["topic"], row["partition"]): row["next"]
            for row in await connection.fetch("SELECT topic, partition, next FROM position")
        }
    assert counts
    read = [tp for tp in known if kafka.is_among(tp.topic, service.consumes)]
    behind = await lag(consumer, read, positions)
    return State(service.name, lag=behind, unpublished=unsent, **dict(counts))
