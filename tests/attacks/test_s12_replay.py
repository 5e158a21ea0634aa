"""S12: what was sent once has no effect a second time.

Old records among others, by the thousand: `tests/faults/test_poison.py`, `make faults`. Old tokens:
`test_s04_tokens.py`. A restored backup: `tests/faults/test_restore.py`.
"""

from __future__ import annotations

import asyncio
from functools import partial
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, ConsumerRecord

from libs.common import kafka
from libs.common.ids import uuid7
from tests.e2e.small_city.plan import CELL
from tests.support.awaiting import eventually
from tests.support.town import Town

TOPIC = "civicgrid.leads"
READERS = ("alerts", "mediation", "scoring")
TOLD = "SELECT count(*) AS n FROM event WHERE topic = 'civicgrid.{}'"
"""But for anchors of the audit, which come each minute, on a topic of their own."""
COUNTS = {
    "alerts": TOLD.format("alerts"),
    "mediation": TOLD.format("mediation"),
    "scoring": "SELECT sum(numerator + denominator)::bigint AS n FROM tally",
}

UNPUBLISHED = """
SELECT count(*) AS n FROM event, relay
WHERE (event.transaction_id, event.position) > (relay.transaction_id, relay.position)
"""


async def records(town: Town) -> list[ConsumerRecord]:
    """All of the topic until now."""
    consumer = AIOKafkaConsumer(
        TOPIC,
        bootstrap_servers=town.settings.kafka_bootstrap_servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        found: list[ConsumerRecord] = []
        while len(found) < sum(ends.values()):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                found.extend(batch)
        return found
    finally:
        await consumer.stop()


async def resend(town: Town, old: list[ConsumerRecord]) -> dict[int, int]:
    """The ends of the partitions afterwards."""
    producer = kafka.producer(town.settings.kafka_bootstrap_servers, "replay")
    await producer.start()
    sent = [
        await producer.send(
            TOPIC, one.value, key=one.key, partition=one.partition, headers=list(one.headers)
        )
        for one in old
    ]
    told = await asyncio.gather(*sent)
    await producer.stop()
    return {one.partition: one.offset + 1 for one in sorted(told, key=lambda one: one.offset)}


async def read_to(town: Town, service: str, ends: dict[int, int]) -> bool:
    query = "SELECT partition, next FROM position WHERE topic = $1"
    there = {row["partition"]: row["next"] for row in await town.rows(service, query, TOPIC)}
    return all(there.get(partition, 0) >= end for partition, end in ends.items())


async def counted(town: Town) -> dict[str, int]:
    return {name: (await town.rows(name, query))[0]["n"] for name, query in COUNTS.items()}


async def test_old_records_sent_again_have_no_effect(town: Town) -> None:
    for kind in ("theft", "neighbour_quarrel", "gas_bottle"):
        await town.post("/leads", {"id": str(uuid7()), "lead_type": kind, "cell": CELL})

    async def published() -> int:
        return int((await town.rows("leads", UNPUBLISHED))[0]["n"])

    await eventually(published, lambda left: left == 0)
    old = await records(town)
    assert len(old) > 8
    first = await resend(town, old[-1:])
    for service in READERS:
        await eventually(partial(read_to, town, service, first), bool)
    before = await counted(town)
    ends = await resend(town, old)
    for service in READERS:
        await eventually(partial(read_to, town, service, ends), bool)
    assert await counted(town) == before


async def test_an_old_request_gets_its_old_answer_and_does_nothing(town: Town) -> None:
    body = {"cell": CELL}
    key = str(uuid4())
    first = await town.post("/mediation-cases", body, Idempotency_Key=key)
    case = f"/mediation-cases/{first.json()['id']}"
    assert (await town.post(f"{case}/accept", {"grade": "simple"})).status_code == 200
    before = await town.rows("mediation", COUNTS["mediation"])
    again = await town.post("/mediation-cases", body, Idempotency_Key=key)
    assert (again.status_code, again.json()) == (200, first.json())
    assert await town.rows("mediation", COUNTS["mediation"]) == before
