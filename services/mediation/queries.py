"""Every read of mediation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[Any]"
Found = list[dict[str, Any]]

FIRST = UUID(int=0)

CASES = """
    SELECT id, version, state FROM mediation_case
    WHERE id > $1 AND ($2::text IS NULL OR centre = $2) AND ($3::text IS NULL OR status = $3)
    ORDER BY id LIMIT $4 + 1
"""
OF_LEAD = "SELECT id, version, state FROM mediation_case WHERE lead_id = $1 ORDER BY id LIMIT 200"
CASE = "SELECT id, version, state FROM mediation_case WHERE id = $1"
TIMELINE = """
    SELECT version, type, actor, recorded_at, data FROM event
    WHERE aggregate = 'mediation_case' AND stream_id = $1 ORDER BY version
"""
CENTRES = """
    SELECT code, name, area, community FROM city_organisation
    WHERE kind = 'mediation_centre' AND NOT closed AND code > $1 ORDER BY code LIMIT $2 + 1
"""


async def cases(
    connection: Connection,
    *,
    after: UUID,
    limit: int,
    centre: str | None = None,
    status: str | None = None,
) -> Found:
    return [_flat(row) for row in await connection.fetch(CASES, after, centre, status, limit)]


async def of_lead(connection: Connection, lead_id: UUID) -> Found:
    return [_flat(row) for row in await connection.fetch(OF_LEAD, lead_id)]


async def case(connection: Connection, id: UUID) -> dict[str, Any] | None:
    row = await connection.fetchrow(CASE, id)
    return row and _flat(row)


async def timeline(connection: Connection, id: UUID) -> Found:
    rows = await connection.fetch(TIMELINE, id)
    return [{**row, "data": json.loads(row["data"])} for row in rows]


async def centres(connection: Connection, *, after: str, limit: int) -> Found:
    return [dict(row) for row in await connection.fetch(CENTRES, after, limit)]


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**json.loads(row["state"]), "id": str(row["id"]), "version": row["version"]}
