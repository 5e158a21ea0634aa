"""A loop by hand: aiokafka's getmany, pydantic, asyncpg; inbox, state and outbox in a transaction.

At least once, and its effect once; offsets are committed after the transaction. A relay in the same
process publishes what was committed, woken by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.peers import arguments, outbox
from bench.station.domain import taken
from libs.common.contracts.leads import LeadCaptured
from libs.common.ids import uuid7

INBOX = """
INSERT INTO inbox (message_id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING RETURNING message_id
"""
LEAD = """
INSERT INTO lead (id, state) SELECT * FROM unnest($1::uuid[], $2::jsonb[])
ON CONFLICT (id) DO UPDATE SET state = EXCLUDED.state, changed_at = now()
"""
OUTBOX = """
INSERT INTO outbox (message_id, key, data) SELECT * FROM unnest($1::uuid[], $2::text[], $3::json[])
"""


class Outcome(NamedTuple):
    """What one record brings about. `data`: JSON, of the state and of the event."""

    message_id: UUID
    id: UUID
    key: str
    data: str


Decide = Callable[[Any], Outcome]


def take(record: Any) -> Outcome:
    event = taken(LeadCaptured.model_validate_json(record.value))
    id = UUID(dict(record.headers)["ce_id"].decode())
    return Outcome(id, event.lead_id, event.community or "", event.model_dump_json())


async def store(pool: asyncpg.Pool[Any], outcomes: Sequence[Outcome]) -> None:
    async with pool.acquire() as connection, connection.transaction():
        rows = await connection.fetch(INBOX, [one.message_id for one in outcomes])
        fresh = {row["message_id"] for row in rows}
        new = [one for one in outcomes if one.message_id in fresh]
        await connection.execute(LEAD, [one.id for one in new], [one.data for one in new])
        columns = ([uuid7() for _ in new], [one.key for one in new], [one.data for one in new])
        await connection.execute(OUTBOX, *columns)


async def loop(told: arguments.Arguments, decide: Decide, poll_seconds: float | None) -> None:
    """`poll_seconds`: None where the relay is woken by each commit."""
    pool = await asyncpg.create_pool(told.database_url, min_size=2, max_size=4)
    producer = AIOKafkaProducer(
        bootstrap_servers=told.bootstrap, acks="all", enable_idempotence=True, linger_ms=0,
        max_batch_size=256 * 1024, compression_type="lz4",
    )  # fmt: skip
    consumer = AIOKafkaConsumer(
        told.source, bootstrap_servers=told.bootstrap, group_id=told.group,
        enable_auto_commit=False, auto_offset_reset="earliest",
    )  # fmt: skip
    woken = asyncio.Event()

    async def rest() -> None:
        if poll_seconds is not None:
            return await asyncio.sleep(poll_seconds)
        with suppress(TimeoutError):
            await asyncio.wait_for(woken.wait(), 1)
        woken.clear()

    await producer.start()
    await consumer.start()
    relay = asyncio.create_task(outbox.follow(pool, producer, told.target, rest))
    while not relay.done():
        fetched = await consumer.getmany(timeout_ms=200, max_records=500)
        outcomes = [decide(record) for records in fetched.values() for record in records]
        if outcomes:
            await store(pool, outcomes)
            woken.set()
            await consumer.commit()
    relay.result()


if __name__ == "__main__":
    uvloop.run(loop(arguments.read(), take, None))
