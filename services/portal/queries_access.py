"""Every read of break-glass grants."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from libs.common.contracts.portal import BreakGlassRequested

Connection: TypeAlias = "asyncpg.Connection[Any]"
Found = list[dict[str, Any]]

FIRST = UUID(int=0)

GRANTS = """
    SELECT id, version, state FROM break_glass
    WHERE id > $1 AND ($2::text IS NULL OR status = $2) ORDER BY id LIMIT $3 + 1
"""
GRANT = "SELECT id, version, state FROM break_glass WHERE id = $1"
SEALED = """
    SELECT sealed FROM event WHERE aggregate = 'break_glass' AND stream_id = $1 AND type = $2
"""


async def grants(
    connection: Connection, *, after: UUID, limit: int, status: str | None = None
) -> Found:
    return [_flat(row) for row in await connection.fetch(GRANTS, after, status, limit)]


async def grant(connection: Connection, id: UUID) -> dict[str, Any] | None:
    row = await connection.fetchrow(GRANT, id)
    return row and _flat(row)


async def sealed(connection: Connection, id: UUID) -> str | None:
    """Why it was asked for, in words."""
    found: str | None = await connection.fetchval(SEALED, id, BreakGlassRequested.type)
    return found


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**json.loads(row["state"]), "id": str(row["id"]), "version": row["version"]}
