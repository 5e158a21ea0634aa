"""FastStream, one message at a time, as its documentation begins: a model in, an event out.

Inbox and state in one transaction a message. No outbox, and messages are acknowledged before they
are handled, as is its default: what was under way is lost in a crash.
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import uvloop
from faststream import FastStream
from faststream.kafka import KafkaBroker

from bench.peers import arguments
from bench.station.domain import LeadTaken, taken
from libs.common.contracts.leads import LeadCaptured

INBOX = "INSERT INTO inbox (message_id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING message_id"
LEAD = """
INSERT INTO lead (id, state) VALUES ($1, $2)
ON CONFLICT (id) DO UPDATE SET state = EXCLUDED.state, changed_at = now()
"""


def app(told: arguments.Arguments) -> FastStream:
    broker = KafkaBroker(told.bootstrap, acks="all", enable_idempotence=True, logger=None)
    app = FastStream(broker, logger=None)
    pools: list[asyncpg.Pool[Any]] = []

    @app.on_startup
    async def connect() -> None:
        pools.append(await asyncpg.create_pool(told.database_url, min_size=2, max_size=4))

    @broker.publisher(told.target)
    @broker.subscriber(told.source, group_id=told.group, auto_offset_reset="earliest")
    async def on_lead(lead: LeadCaptured) -> LeadTaken:
        event = taken(lead)
        async with pools[0].acquire() as connection, connection.transaction():
            if await connection.fetchval(INBOX, event.lead_id):
                await connection.execute(LEAD, event.lead_id, event.model_dump_json())
        return event

    return app


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(app(arguments.read()).run())
