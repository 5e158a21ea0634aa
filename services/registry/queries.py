"""Every read of the registry: facts as they are, areas as they were at any instant."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from libs.city.tree import ANSWERS
from libs.common.contracts.registry import Level
from libs.common.messages import Decider
from services.registry.domain.shared_batch import SHARED_BATCH
from services.registry.domain.shared_entry import SHARED_ENTRY
from services.registry.domain.subject_request import SUBJECT_REQUEST

Connection: TypeAlias = "asyncpg.Connection[Any]"
Found = list[dict[str, Any]]

_AS_OF = """
    SELECT DISTINCT ON (code) code, version, since, closed, name, level, parent, kind, community,
           households, has_polygon
    FROM area_history WHERE since <= $1 AND code > $2
    ORDER BY code, since DESC, version DESC
"""
"""The description that held last at $1, of codes past $2; a later version wins on the same day."""

AREAS = f"""
    SELECT code, version, since AS valid_from, name, level, parent, kind, community, households,
           has_polygon
    FROM ({_AS_OF}) AS known
    WHERE NOT closed AND ($3::text IS NULL OR level = $3) AND ($4::text IS NULL OR parent = $4)
    ORDER BY code LIMIT $5 + 1
"""

AREA = """
    SELECT code, version, name, level, parent, kind, community, valid_from, valid_to, households,
           polygon
    FROM city_area WHERE code = $1
"""

ORGANISATIONS = """
    SELECT code, version, name, kind, area, community FROM city_organisation
    WHERE code > $1 AND NOT closed AND ($2::text IS NULL OR kind = $2)
      AND ($3::text IS NULL OR area = $3) AND ($4::text IS NULL OR community = $4)
    ORDER BY code LIMIT $5 + 1
"""

POSTS = """
    SELECT post.code, post.version, post.role, post.area, post.organisation, post.community,
           held.person_ref, held.appointment_id, held.valid_from AS held_since
    FROM city_post AS post
    LEFT JOIN city_appointment AS held ON held.post = post.code AND held.valid_to IS NULL
    WHERE post.code > $1 AND NOT post.abolished AND ($2::text IS NULL OR post.role = $2)
      AND ($3::text IS NULL OR post.area = $3) AND ($4::text IS NULL OR post.organisation = $4)
    ORDER BY post.code LIMIT $5 + 1
"""

UNCOVERED = f"""
    SELECT code, level FROM ({_AS_OF}) AS known
    WHERE NOT closed AND level = ANY($3::text[]) AND NOT EXISTS (
        SELECT 1 FROM city_appointment AS held
        JOIN unnest($3::text[], $4::text[]) AS answer (level, role) ON answer.role = held.role
        WHERE held.area = known.code AND answer.level = known.level
          AND held.valid_from <= $1 AND (held.valid_to IS NULL OR held.valid_to > $1))
    ORDER BY code LIMIT $5 + 1
"""
"""Cells that nobody answers for at $1 (row R10)."""

COUNTS = """
    SELECT level AS kind, count(*) FROM city_area WHERE valid_to IS NULL GROUP BY level
    UNION ALL
    SELECT kind, count(*) FROM city_organisation WHERE NOT closed GROUP BY kind
    UNION ALL
    SELECT 'post', count(*) FROM city_post WHERE NOT abolished
    UNION ALL
    SELECT 'holder', count(DISTINCT person_ref) FROM city_appointment WHERE valid_to IS NULL
"""

CALENDAR = "SELECT calendar FROM city_work_calendar WHERE year = $1"

REQUESTS = """
    SELECT id, version, state FROM subject_request
    WHERE id > $1 AND ($2::text IS NULL OR status = $2)
      AND (status <> '' OR (state ->> 'ground') IS NOT NULL)
    ORDER BY id LIMIT $3 + 1
"""
"""But those of which nothing was asked: their record, or a part of it, went by itself."""
HOLDS_DUE = """
    SELECT id, version, state FROM subject_request
    WHERE id > $1 AND ($2::text IS NULL OR status = $2) AND (state ->> 'ground') IS NOT NULL
      AND coalesce(state ->> 'held_at', '')
          < to_char(
              ($4::timestamptz - interval '1 year') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
    ORDER BY id LIMIT $3 + 1
"""
"""Legal holds that nobody reviewed for a year (row P24); `held_at` is RFC 3339, in UTC."""
REQUEST = "SELECT id, version, state FROM subject_request WHERE id = $1"

BATCHES = """
    SELECT id, version, state FROM shared_batch
    WHERE id > $1 AND ($2::text IS NULL OR status = $2) AND (NOT $4 OR status = 'submitted')
    ORDER BY id LIMIT $3 + 1
"""
BATCH = """
    SELECT id, version, state FROM shared_batch
    WHERE id = $1 AND (NOT $2 OR status = 'submitted')
"""
BATCH_TO_DECIDE = """
    SELECT id, version, state FROM shared_batch
    WHERE id = $1 AND status = 'submitted' AND expires_at > $2
"""
ENTRY = "SELECT id, version, state FROM shared_entry WHERE id = $1"
ENTRIES = """
    SELECT id, version, state FROM shared_entry
    WHERE id > $1 AND status = $2 AND (status NOT IN ('proposed', 'active') OR expires_at > $4)
    ORDER BY id LIMIT $3 + 1
"""
ENTRY_IN_FORCE = """
    SELECT id, version, state FROM shared_entry
    WHERE id = $1 AND status = 'active' AND expires_at > $2
"""
FIRST_SEALED = """
    SELECT sealed FROM event WHERE aggregate IN ('shared_batch', 'shared_entry') AND stream_id = $1
      AND sealed IS NOT NULL
    ORDER BY version LIMIT 1
"""
ENTRIES_EXPIRED = """
    SELECT id FROM shared_entry WHERE status = 'active' AND expires_at <= $2
    ORDER BY expires_at LIMIT least($1, 1000)
"""
BATCHES_OVER = """
    SELECT id FROM (
        SELECT id, sum(jsonb_array_length(state -> 'entries')) OVER (ORDER BY expires_at, id) AS n
        FROM shared_batch WHERE status = 'submitted' AND expires_at <= $2
    ) AS waiting WHERE n <= least($1, 1000)
"""
"""Batches that nobody decided in time, with a thousand entries together."""
ENTRIES_OVER = """
    SELECT id FROM shared_entry WHERE status = 'expired' AND delete_at <= $2
    ORDER BY delete_at LIMIT least($1, 1000)
"""
"""Entries whose month is over."""

GRID: tuple[Level, ...] = ("grid_l1", "grid_l2", "grid_l3")


async def areas(
    connection: Connection,
    *,
    at: datetime,
    after: str,
    limit: int,
    level: str | None = None,
    parent: str | None = None,
) -> Found:
    return _dicts(await connection.fetch(AREAS, at, after, level, parent, limit))


async def area(connection: Connection, code: str) -> dict[str, Any] | None:
    """With its polygon, closed or not."""
    row = await connection.fetchrow(AREA, code)
    if row is None:
        return None
    return {**row, "polygon": row["polygon"] and json.loads(row["polygon"])}


async def organisations(
    connection: Connection,
    *,
    after: str,
    limit: int,
    kind: str | None = None,
    area: str | None = None,
    community: str | None = None,
) -> Found:
    return _dicts(await connection.fetch(ORGANISATIONS, after, kind, area, community, limit))


async def posts(
    connection: Connection,
    *,
    after: str,
    limit: int,
    role: str | None = None,
    area: str | None = None,
    organisation: str | None = None,
) -> Found:
    """Each with the reference of who holds it now, None where nobody does."""
    return _dicts(await connection.fetch(POSTS, after, role, area, organisation, limit))


async def uncovered(connection: Connection, *, at: datetime, after: str, limit: int) -> Found:
    roles = [ANSWERS[level] for level in GRID]
    return _dicts(await connection.fetch(UNCOVERED, at, after, list(GRID), roles, limit))


async def counts(connection: Connection) -> dict[str, int]:
    """How many areas of each level, organisations of each kind, posts and holders there are."""
    return {row["kind"]: row["count"] for row in await connection.fetch(COUNTS)}


async def calendar(connection: Connection, year: int) -> dict[str, Any] | None:
    found = await connection.fetchval(CALENDAR, year)
    return None if found is None else dict(json.loads(found))


async def requests(connection: Connection, *, after: UUID, limit: int, status: str | None) -> Found:
    rows = await connection.fetch(REQUESTS, after, status, limit)
    return [_flat(SUBJECT_REQUEST, row) for row in rows]


async def holds_due(
    connection: Connection, *, at: datetime, after: UUID, limit: int, status: str | None
) -> Found:
    rows = await connection.fetch(HOLDS_DUE, after, status, limit, at)
    return [_flat(SUBJECT_REQUEST, row) for row in rows]


async def request(connection: Connection, id: UUID) -> dict[str, Any] | None:
    row = await connection.fetchrow(REQUEST, id)
    return row and _flat(SUBJECT_REQUEST, row)


async def batches(
    connection: Connection, *, after: UUID, limit: int, status: str | None, only_waiting: bool
) -> Found:
    rows = await connection.fetch(BATCHES, after, status, limit, only_waiting)
    return [_flat(SHARED_BATCH, row) for row in rows]


async def batch(
    connection: Connection, id: UUID, *, only_waiting: bool = False
) -> dict[str, Any] | None:
    row = await connection.fetchrow(BATCH, id, only_waiting)
    return row and _flat(SHARED_BATCH, row)


async def batch_to_decide(connection: Connection, id: UUID, at: datetime) -> dict[str, Any] | None:
    """One that waits still at that instant."""
    row = await connection.fetchrow(BATCH_TO_DECIDE, id, at)
    return row and _flat(SHARED_BATCH, row)


async def entries(
    connection: Connection, *, at: datetime, after: UUID, limit: int, status: str
) -> Found:
    """None whose time is over at that instant, unless they are asked for."""
    rows = await connection.fetch(ENTRIES, after, status, limit, at)
    return [_flat(SHARED_ENTRY, row) for row in rows]


async def entry(connection: Connection, id: UUID) -> dict[str, Any] | None:
    row = await connection.fetchrow(ENTRY, id)
    return row and _flat(SHARED_ENTRY, row)


async def entry_in_force(connection: Connection, id: UUID, at: datetime) -> dict[str, Any] | None:
    row = await connection.fetchrow(ENTRY_IN_FORCE, id, at)
    return row and _flat(SHARED_ENTRY, row)


async def first_sealed(connection: Connection, id: UUID) -> str | None:
    """What came with a batch, or with an entry of one."""
    found = await connection.fetchval(FIRST_SEALED, id)
    return None if found is None else str(found)


def _flat(decider: Decider[Any, Any, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """With each field, whichever release stored it."""
    kind = decider.state
    state = kind.dump_python(kind.validate_json(row["state"]), mode="json")
    return {**state, "version": row["version"]}


def _dicts(rows: list[Mapping[str, Any]]) -> Found:
    return [dict(row) for row in rows]
