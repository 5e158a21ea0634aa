"""The whole story of a correlation id or a lead, told by the journals of all services."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.database import look
from libs.common.settings import Settings

BY_CORRELATION = """
SELECT type, aggregate, stream_id, version, recorded_at, causation_id, event_id FROM event
WHERE correlation_id = $1 ORDER BY transaction_id, position LIMIT 1000
"""
OF_STREAM = """
SELECT DISTINCT ON (correlation_id) correlation_id, recorded_at FROM event
WHERE stream_id = $1 ORDER BY correlation_id, recorded_at
"""


FIGURES = "figures"
COUNTED = f"""
SELECT 'counted ' || type AS type, '{FIGURES}' AS aggregate, event_id AS stream_id,
       0 AS version, applied_at AS recorded_at
FROM applied WHERE correlation_id = $1 ORDER BY position
"""
"""What scoring made of it is no event: the figures moved."""


@dataclass(frozen=True)
class Step:
    """`after`: milliseconds since the first step."""

    service: str
    type: str
    aggregate: str
    id: UUID
    version: int
    at: datetime
    after: float


async def tell(settings: Settings, services: Sequence[str], asked: str) -> list[Step]:
    """Every event that belongs to `asked`, in the order of time; empty where nothing does."""
    connections = await asyncio.gather(
        *(look(settings.url(service, "reader")) for service in services)
    )
    try:
        ids = await _correlations(connections, asked)
        rows: list[tuple[str, Any]] = []
        for service, connection in zip(services, connections, strict=True):
            for id in ids:
                found = await connection.fetch(BY_CORRELATION, id)
                rows += [(service, row) for row in found]
                if service == "scoring":
                    counted = await connection.fetch(COUNTED, id)
                    rows += [(service, row) for row in counted]
    finally:
        await asyncio.gather(*(connection.close() for connection in connections))
    return _steps(rows)


async def _correlations(connections: Sequence[Any], asked: str) -> list[str]:
    """Of everything that happened to the aggregate of this id, else what was asked itself."""
    try:
        stream = UUID(asked)
    except ValueError:
        return [asked]
    found: dict[str, datetime] = {}
    for connection in connections:
        for row in await connection.fetch(OF_STREAM, stream):
            found.setdefault(row["correlation_id"], row["recorded_at"])
    return sorted(found, key=lambda id: found[id]) or [asked]


def _steps(rows: Sequence[tuple[str, Any]]) -> list[Step]:
    if not rows:
        return []
    begin = min(row["recorded_at"] for _, row in rows)
    steps = [
        Step(
            service,
            row["type"],
            row["aggregate"],
            row["stream_id"],
            row["version"],
            row["recorded_at"],
            (row["recorded_at"] - begin).total_seconds() * 1000,
        )
        for service, row in rows
    ]
    return sorted(steps, key=lambda step: step.at)
