"""Made-up leads, the same for the same seed, and how they get on Kafka."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2

from bench.stand import PARTITIONS
from libs.common import wire
from libs.common.contracts.leads import IncidentReported, LeadCaptured
from libs.common.journal import EventRow
from services.leads.rules import LEAD_TYPES, LeadType

INTAKE, RECEIPTS = "civicgrid.intake.sandbox", "civicgrid.receipts.sandbox"
TRACED = 100
"""One in so many is sampled, as tracing is run; all of them carry a trace."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is put on a topic."""

    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]


def ids(count: int, chance: random.Random) -> Iterator[UUID]:
    """Of version 7, ten a millisecond until now."""
    begun = time.time_ns() // 1_000_000 - count // 10
    for n in range(count):
        bits = (begun + n // 10) << 80 | 0x7 << 76 | chance.getrandbits(12) << 64
        yield UUID(int=bits | 0b10 << 62 | chance.getrandbits(62))


def captured(count: int, topic: str, seed: int, communities: int = 235) -> Iterator[Record]:
    """`lead.captured.v1` as the leads service publishes it: about 440 bytes, 14 headers."""
    chance, now = random.Random(seed), datetime.now(UTC)
    source, kinds = wire.source_of(topic).encode(), sorted(LEAD_TYPES)
    events = zip(ids(count, chance), ids(count, chance), strict=True)
    for n, (lead_id, event_id) in enumerate(events):
        lead = _lead(lead_id, LEAD_TYPES[chance.choice(kinds)], chance, now, communities)
        flags = "01" if n % TRACED == 0 else "00"
        row = EventRow(
            aggregate="lead",
            stream_id=lead_id,
            version=1,
            event_id=event_id,
            topic=topic,
            type=LeadCaptured.type,
            key=lead.key or "",
            data=lead.model_dump_json(exclude=set(LeadCaptured.sealed)),
            sealed=None,
            actor="anonymous",
            correlation_id=str(event_id),
            causation_id=event_id,
            causation_source="http",
            traceparent=f"00-{event_id.hex}-{lead_id.hex[16:]}-{flags}",
            exercise=False,
            recorded_at=now,
        )
        headers = wire.attributes(row, source)
        yield Record(row.key.encode(), row.data.encode(), headers)


def _lead(
    id: UUID, kind: LeadType, chance: random.Random, now: datetime, communities: int
) -> LeadCaptured:
    community = f"3707820{chance.randrange(communities):05}"
    return LeadCaptured(
        lead_id=id,
        community=community,
        cell=f"{community}{chance.randrange(20):03}",
        lead_type=kind.code,
        kind=kind.kind,
        urgency=kind.urgency,
        at=now,
        channel="app",
        source="app",
        received_at=now,
        due_at=now + timedelta(days=5),
    )


def reported(count: int, cells: Sequence[str], seed: int) -> Iterator[Record]:
    """`incident.reported.v1` as an outside source writes it; numbers never come twice."""
    chance, now = random.Random(seed), datetime.now(UTC).isoformat()
    kinds, begun = sorted(LEAD_TYPES), time.time_ns()
    for n in range(count):
        yield report(f"{begun}-{n}", chance.choice(kinds), chance.choice(cells), now)


def report(number: str, lead_type: str, cell: str, at: str) -> Record:
    body = {"source_number": number, "lead_type": lead_type, "cell": cell, "reported_at": at}
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", number.encode()),
        ("ce_type", IncidentReported.type.encode()),
        ("ce_source", b"sandbox"),
    ]
    return Record(number.encode(), json.dumps(body).encode(), headers)


async def put(bootstrap: str, topic: str, records: Iterable[Record]) -> None:
    """As fast as it goes; each key in the partition that Kafka's own clients choose."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, linger_ms=5, max_batch_size=256 * 1024, compression_type="lz4"
    )
    await producer.start()
    try:
        sent = [
            await producer.send(
                topic, one.value, key=one.key, partition=partition(one.key), headers=one.headers
            )
            for one in records
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


def partition(key: bytes) -> int:
    return int(murmur2(key) & 0x7FFFFFFF) % PARTITIONS
