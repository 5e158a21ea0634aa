"""What the checker reads: tables as rows of JSON, topics from offset 0, in files of one folder."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from cli.city import SERVICES
from libs.common.database import session
from libs.common.sealing import ROW
from libs.common.settings import Settings
from tests.faults.campaign.backing import TOPICS
from tests.support.letters import opened

CORE = {
    "event": "SELECT aggregate, stream_id, version, event_id, topic, type, key, data::text,"
    " actor, correlation_id, causation_id, causation_source, recorded_at,"
    " transaction_id::text::bigint, position FROM event ORDER BY event.transaction_id, position",
    "inbox": "SELECT message_id, source, outcome FROM inbox",
    "request": "SELECT source, key, status FROM request",
    "position": "SELECT topic, partition, next FROM position",
    "timer": "SELECT name, id, due_at FROM timer",
    "relay": "SELECT transaction_id::text::bigint, position FROM relay",
}
AUDIT = {
    "audit": f"SELECT {ROW} FROM audit ORDER BY transaction_id, audit.position",
    "audit_seal": "SELECT first, positions,"
    " ARRAY(SELECT encode(one, 'hex') FROM unnest(hashes) AS one) AS hashes FROM audit_seal",
}
"""Which the reader may not see."""
STATE = "SELECT id, version, state::text FROM {name}"
MORE = {
    "alerts": {"receipt": "SELECT person_ref, alert_id FROM receipt"},
    "scoring": {
        "tally": "SELECT scheme, version, subject, indicator, numerator, denominator FROM tally",
        "applied": "SELECT event_id, type FROM applied",
    },
}


async def write_all(settings: Settings, folder: Path) -> None:
    for service in SERVICES:
        states = {decider.name: STATE.format(name=decider.name) for decider in service.aggregates}
        (folder / "states").mkdir(exist_ok=True)
        async with session(settings.url(service.name, "reader")) as connection:
            for name, query in {**CORE, **MORE.get(service.name, {})}.items():
                await _table(connection, query, folder / f"{service.name}.{name}.jsonl")
            for name, query in states.items():
                file = folder / "states" / f"{service.name}.{name}.jsonl"
                await _table(connection, query, file)
        async with session(settings.url(service.name, "writer")) as connection:
            for name, query in AUDIT.items():
                await _table(connection, query, folder / f"{service.name}.{name}.jsonl")
        await _letters(settings, service.name, folder / f"{service.name}.dead_letter.jsonl")
    await _topics(settings.kafka_bootstrap_servers, list(TOPICS.topics), folder)


async def _table(connection: Any, query: str, file: Path) -> None:
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        with file.open("w") as out:
            async for row in connection.cursor(query, prefetch=2000):
                out.write(json.dumps(dict(row), default=str, ensure_ascii=False) + "\n")


async def _letters(settings: Settings, service: str, file: Path) -> None:
    with file.open("w") as out:
        for one in await opened(settings, service):
            value = base64.b64encode(one.letter.value or b"").decode()
            told = {"topic": one.letter.topic, "stage": one.stage, "value": value}
            out.write(json.dumps(told | {"empty": one.letter.value is None}) + "\n")


async def _topics(bootstrap: str, names: Sequence[str], folder: Path) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        for name in names:
            with (folder / f"topic.{name}.jsonl").open("w") as out:
                await _topic(consumer, name, out)
    finally:
        await consumer.stop()


async def _topic(consumer: AIOKafkaConsumer, name: str, out: Any) -> None:
    parts = [TopicPartition(name, n) for n in range(TOPICS.partitions)]
    consumer.assign(parts)
    ends = await consumer.end_offsets(parts)
    for tp in parts:
        consumer.seek(tp, 0)
    left = {tp for tp, end in ends.items() if end}
    while left:
        for tp, records in (await consumer.getmany(timeout_ms=500, max_records=2000)).items():
            for record in records:
                out.write(json.dumps(_line(tp, record), ensure_ascii=False) + "\n")
        left = {tp for tp in left if await consumer.position(tp) < ends[tp]}


def _line(tp: TopicPartition, record: Any) -> dict[str, Any]:
    headers = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}
    return {
        "partition": tp.partition,
        "offset": record.offset,
        "key": (record.key or b"").decode("utf-8", "replace"),
        "id": headers.get("ce_id", ""),
        "source": headers.get("ce_source", ""),
        "type": headers.get("ce_type", ""),
        "subject": headers.get("ce_subject", ""),
        "version": headers.get("ce_aggregateversion", ""),
        "digest": hashlib.sha256(record.value or b"").hexdigest(),
    }
