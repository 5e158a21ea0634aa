"""FastStream, `batch=True`, as its documentation shows: a list of models in, a list of events out.

Inbox and state in one transaction. No outbox: what was stored and not yet published is lost in a
crash, and the events of a batch go to one partition without a key.
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import uvloop
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker

from bench.peers import arguments
from bench.peers.handwritten import INBOX, LEAD
from bench.station.domain import LeadTaken, taken
from libs.common.contracts.leads import LeadCaptured

MAX_BATCH = 1024 * 1024
"""With the default, 16 KiB, the events of one batch overflow: publishing fails."""


def app(told: arguments.Arguments) -> FastStream:
    broker = KafkaBroker(
        told.bootstrap, acks="all", enable_idempotence=True, max_batch_size=MAX_BATCH, logger=None
    )
    app = FastStream(broker, logger=None)
    pools: list[asyncpg.Pool[Any]] = []

    @app.on_startup
    async def connect() -> None:
        pools.append(await asyncpg.create_pool(told.database_url, min_size=2, max_size=4))

    @broker.publisher(told.target, batch=True)
    @broker.subscriber(
        told.source,
        group_id=told.group,
        batch=True,
        max_records=500,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.NACK_ON_ERROR,
    )
    async def on_leads(leads: list[LeadCaptured]) -> list[LeadTaken]:
        events = [taken(lead) for lead in leads]
        async with pools[0].acquire() as connection, connection.transaction():
            rows = await connection.fetch(INBOX, [event.lead_id for event in events])
            fresh = {row["message_id"] for row in rows}
            new = [event for event in events if event.lead_id in fresh]
            states = [event.model_dump_json() for event in new]
            await connection.execute(LEAD, [event.lead_id for event in new], states)
        return events

    return app


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(app(arguments.read()).run())
