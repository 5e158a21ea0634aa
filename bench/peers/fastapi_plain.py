"""FastAPI with one transaction a request, as its documentation and asyncpg's show it.

`python -m bench.peers.fastapi_plain BOOTSTRAP DATABASE_URL PORT TARGET GROUP`. A capture and its
routing, with two events in an outbox that a relay in the same process publishes. A request with an
id that was seen is answered without another effect, whatever its body.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import uvicorn
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict

from bench.peers import arguments, outbox
from libs.common.ids import uuid7
from services.leads.rules import LEAD_TYPES

REQUEST = "INSERT INTO request (key) VALUES ($1) ON CONFLICT DO NOTHING RETURNING key"
UNIT = "SELECT unit FROM unit_of_cell WHERE cell = $1"
LEAD = "INSERT INTO lead (id, state) VALUES ($1, $2)"
OUTBOX = "INSERT INTO outbox (message_id, key, data) VALUES ($1, $2, $3)"


class Lead(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: UUID
    lead_type: str
    cell: str


async def store(connection: Any, lead: Lead) -> dict[str, str]:
    """In one transaction of five statements."""
    async with connection.transaction():
        unit = await connection.fetchval(UNIT, lead.cell)
        if unit is None or lead.lead_type not in LEAD_TYPES:
            raise HTTPException(422)
        routed = {"id": str(lead.id), "unit": unit, "state": "routed"}
        if await connection.fetchval(REQUEST, lead.id):
            told = lead.model_dump(mode="json") | {"at": datetime.now(UTC).isoformat()}
            await connection.execute(LEAD, lead.id, json.dumps(told | routed))
            await connection.execute(OUTBOX, uuid7(), lead.cell, json.dumps(told))
            await connection.execute(OUTBOX, uuid7(), lead.cell, json.dumps(routed))
    return routed


def app(told: arguments.Arguments) -> FastAPI:
    pools: list[asyncpg.Pool[Any]] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        pool = await asyncpg.create_pool(told.database_url, min_size=10, max_size=10)
        producer = AIOKafkaProducer(
            bootstrap_servers=told.bootstrap, acks="all", enable_idempotence=True
        )
        await producer.start()
        relay = outbox.follow(pool, producer, told.target, lambda: asyncio.sleep(0.1))
        publishing = asyncio.create_task(relay)
        pools.append(pool)
        yield
        publishing.cancel()
        await producer.stop()
        pool.terminate()

    app = FastAPI(lifespan=lifespan)

    @app.post("/leads", status_code=201)
    async def capture(lead: Lead) -> dict[str, str]:
        async with pools[0].acquire() as connection:
            return await store(connection, lead)

    return app


if __name__ == "__main__":
    told = arguments.read()
    uvicorn.run(app(told), port=int(told.source), log_level="warning", access_log=False)
