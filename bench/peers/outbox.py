"""The relay of a hand-written outbox: claim, send, delete, in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from aiokafka import AIOKafkaProducer

CLAIM = """
DELETE FROM outbox WHERE position IN (
    SELECT position FROM outbox ORDER BY position LIMIT 1000 FOR UPDATE SKIP LOCKED
) RETURNING position, message_id, key, data
"""


async def follow(
    pool: asyncpg.Pool[Any],
    producer: AIOKafkaProducer,
    topic: str,
    rest: Callable[[], Awaitable[object]],
) -> None:
    """Until cancelled. `rest` returns when it is worth looking again."""
    while True:
        if not await _publish(pool, producer, topic):
            await rest()


async def _publish(pool: asyncpg.Pool[Any], producer: AIOKafkaProducer, topic: str) -> bool:
    async with pool.acquire() as connection, connection.transaction():
        rows = await connection.fetch(CLAIM)
        sent = [
            await producer.send(
                topic,
                row["data"].encode(),
                key=row["key"].encode(),
                headers=[("ce_id", str(row["message_id"]).encode())],
            )
            for row in sorted(rows, key=lambda row: row["position"])
        ]
        await asyncio.gather(*sent)
    return bool(rows)
