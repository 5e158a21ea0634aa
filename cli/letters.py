"""Dead letters of all services: seen, tried once more, or dropped; each by its id. What they held
is sealed, and only their service opens it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from libs.common import waiting
from libs.common.database import session
from libs.common.settings import Settings

LIST = """
SELECT id, topic, partition, offset_ AS "offset", stage, reason, died_at, retries
FROM dead_letter ORDER BY died_at DESC, id LIMIT $1
"""
SHOW = """
SELECT id, topic, partition, offset_ AS "offset", timestamp_ AS "timestamp", stage, reason, died_at,
       retries, sealed IS NOT NULL AS can_be_retried
FROM dead_letter WHERE id = $1
"""
RETRY = """
INSERT INTO timer (name, id, due_at, data, correlation_id)
SELECT $1, id, clock_timestamp(), sealed, id::text FROM dead_letter WHERE id = $2
ON CONFLICT DO NOTHING
"""
DISCARD = "DELETE FROM dead_letter WHERE id = $1"
MOST_RETRIES = 3
"""Row Q6 of the requirements: then it stays, until it is discarded."""


class LetterError(Exception):
    """There is no such letter, or it must not be tried again."""


async def listed(
    settings: Settings, services: Sequence[str], limit: int = 200
) -> list[dict[str, Any]]:
    """Newest first, of each service."""
    found = []
    for service in services:
        async with session(settings.url(service, "reader")) as connection:
            rows = await connection.fetch(LIST, limit)
        found += [{"service": service, **dict(row)} for row in rows]
    return found


async def shown(settings: Settings, services: Sequence[str], id: UUID) -> dict[str, Any]:
    for service in services:
        async with session(settings.url(service, "reader")) as connection:
            row = await connection.fetchrow(SHOW, id)
        if row:
            return {"service": service, **dict(row)}
    raise LetterError(f"no dead letter has the id {id}: see `civicgrid dead-letters list`")


async def retried(settings: Settings, services: Sequence[str], id: UUID) -> str:
    """Hand it to its service once more; the service's name."""
    letter = await shown(settings, services, id)
    if letter["retries"] >= MOST_RETRIES:
        raise LetterError(f"it failed {MOST_RETRIES} times more and stays: mend it or discard it")
    if not letter["can_be_retried"]:
        raise LetterError("what it held is no longer kept: let its source send it again")
    await _execute(settings, letter["service"], RETRY, waiting.RETRY, id)
    return str(letter["service"])


async def discarded(settings: Settings, services: Sequence[str], id: UUID) -> str:
    letter = await shown(settings, services, id)
    await _execute(settings, letter["service"], DISCARD, id)
    return str(letter["service"])


async def _execute(settings: Settings, service: str, query: str, *values: Any) -> None:
    async with session(settings.url(service, "writer")) as connection:
        await connection.execute(query, *values)
