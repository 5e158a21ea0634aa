"""Clients of Kafka with the only settings under which nothing is lost."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition, codec
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.admin import AIOKafkaAdminClient

EMPTY_SECONDS = 0.5
"""How long a fetch waits that finds nothing."""
LEVEL = 1
codec.lz4_encode.__defaults__ = (LEVEL,)
"""The level, for which the client has no setting: it takes the ninth, at ten times the time of the
first for a tenth less of bytes."""


def producer(bootstrap: str, client_id: str) -> AIOKafkaProducer:
    """Idempotent, and acknowledged by all replicas that are in step."""
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        client_id=client_id,
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        max_batch_size=256 * 1024,
        max_request_size=1024 * 1024,
        compression_type="lz4",
        request_timeout_ms=15_000,
        metadata_max_age_ms=10_000,
    )


async def give_up(producer: AIOKafkaProducer) -> None:
    """End it at once, whether it was started or not: what it holds is neither sent any more nor
    waited for."""
    sender = producer._sender.sender_task if producer._sender else None
    if sender:
        sender.cancel()
    await producer.client.close()
    if sender:
        await asyncio.wait([sender], timeout=5)
    producer._closed = True


async def consumer(
    bootstrap: str,
    group: str,
    topics: Sequence[str],
    listener: ConsumerRebalanceListener,
    instance: str | None,
    gathers_seconds: float,
) -> AIOKafkaConsumer:
    """Started and subscribed. The broker holds few records back for `gathers_seconds`.
    A topic that ends in `*` stands for all that begin so.

    One whose start fails half-way is stopped: else it would stay in the group, its share unread.
    """
    made = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        client_id=group,
        group_id=group,
        group_instance_id=f"{group}-{instance}" if instance else None,
        auto_offset_reset="none",
        enable_auto_commit=False,
        metadata_max_age_ms=10_000,
        max_partition_fetch_bytes=1024 * 1024,
        fetch_max_wait_ms=int(1000 * (gathers_seconds or EMPTY_SECONDS)),
        fetch_min_bytes=64 * 1024 if gathers_seconds else 1,
        session_timeout_ms=10_000,
        heartbeat_interval_ms=2_000,
        max_poll_interval_ms=600_000,
    )
    if any(topic.endswith("*") for topic in topics):
        made.subscribe(pattern=_pattern(topics), listener=listener)
    else:
        made.subscribe(list(topics), listener=listener)
    try:
        await made.start()
    except BaseException:
        await made.stop()
        raise
    return made


async def partitions(bootstrap: str, topics: Sequence[str]) -> list[TopicPartition]:
    """Of those of the topics that there are; one that ends in `*` stands for all that begin so."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        names = [name for name in await admin.list_topics() if is_among(name, topics)]
        found = await admin.describe_topics(names) if names else []
        return [
            TopicPartition(topic["topic"], one["partition"])
            for topic in found
            for one in topic["partitions"]
        ]
    finally:
        await admin.close()


def is_among(topic: str, topics: Sequence[str]) -> bool:
    """Whether one of `topics` is it or stands for it."""
    return re.match(_pattern(topics), topic) is not None


def _pattern(topics: Sequence[str]) -> str:
    return "^(" + "|".join(re.escape(topic).replace(r"\*", ".+") for topic in topics) + ")$"
