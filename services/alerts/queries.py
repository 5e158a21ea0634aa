"""Every read of alerts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from services.alerts.answers import HIDDEN

Connection: TypeAlias = "asyncpg.Connection[Any]"
Found = list[dict[str, Any]]

FIRST = UUID(int=0)

ALERTS = """
    SELECT id, version, state FROM alert
    WHERE id > $1 AND ($2::text IS NULL OR community = $2) AND ($3::text IS NULL OR status = $3)
    ORDER BY id LIMIT $4 + 1
"""
ABOUT = "SELECT id, version, state FROM alert WHERE about = $1 ORDER BY id LIMIT 200"
ALERT = "SELECT id, version, state FROM alert WHERE id = $1"
RECEIPTS = """
    SELECT receipt.person_ref, level, told_at, signed_at
    FROM receipt LEFT JOIN signature USING (alert_id, person_ref)
    WHERE alert_id = $1 AND receipt.person_ref > $2 ORDER BY receipt.person_ref LIMIT $3 + 1
"""
TOLD = """
    SELECT alert.id, alert.version, alert.state, told_at, signed_at
    FROM receipt JOIN alert ON alert.id = receipt.alert_id
    LEFT JOIN signature USING (alert_id, person_ref)
    WHERE receipt.person_ref = $1 AND receipt.alert_id > $2
    ORDER BY receipt.alert_id LIMIT $3 + 1
"""


async def alerts(
    connection: Connection,
    *,
    after: UUID,
    limit: int,
    community: str | None = None,
    status: str | None = None,
) -> Found:
    return [_flat(row) for row in await connection.fetch(ALERTS, after, community, status, limit)]


async def about(connection: Connection, id: UUID) -> Found:
    """Of one lead, card or case."""
    return [_flat(row) for row in await connection.fetch(ABOUT, id)]


async def alert(connection: Connection, id: UUID) -> dict[str, Any] | None:
    row = await connection.fetchrow(ALERT, id)
    return row and _flat(row)


async def receipts(connection: Connection, id: UUID, *, after: UUID, limit: int) -> Found:
    """Who was told of an alert, when, and when they acknowledged it."""
    return [dict(row) for row in await connection.fetch(RECEIPTS, id, after, limit)]


async def told(connection: Connection, person: UUID, *, after: UUID, limit: int) -> Found:
    """The alerts that a person was told of."""
    rows = await connection.fetch(TOLD, person, after, limit)
    return [_flat(row) | {name: row[name] for name in ("told_at", "signed_at")} for row in rows]


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    state = json.loads(row["state"])
    seen = {name: value for name, value in state.items() if name not in HIDDEN}
    return {**seen, "id": str(row["id"]), "version": row["version"]}
