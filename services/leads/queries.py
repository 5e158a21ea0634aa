"""Every read of leads. What is sealed stays so here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from libs.common.contracts.leads import Ended, LeadArbitrated, LeadRouted
from libs.privacy.register import registered

Connection: TypeAlias = "asyncpg.Connection[Any]"
Found = list[dict[str, Any]]

FIRST = UUID(int=0)

LEADS = """
    SELECT id, version, state FROM lead
    WHERE id > $1 AND ($2::text IS NULL OR unit = $2) AND ($3::text IS NULL OR community = $3)
      AND ($4::text IS NULL OR status = $4) AND ($5::text IS NULL OR source_number = $5)
    ORDER BY id LIMIT $6 + 1
"""
UNROUTED = """
    SELECT id, version, state FROM lead WHERE id > $1 AND status = 'unrouted'
    ORDER BY id LIMIT $2 + 1
"""
_MASKED = "id, version, status, community, cell, lead_type, kind, urgency, received_at"
NEIGHBOURS = f"""
    SELECT {_MASKED} FROM neighbour_lead AS theirs
    WHERE id > $1 AND ($2::text IS NULL OR community = $2) AND ($3::text IS NULL OR status = $3)
      AND NOT EXISTS (SELECT FROM lead WHERE lead.id = theirs.id)
    ORDER BY id LIMIT $4 + 1
"""
"""But those that are in scope in full."""
NEIGHBOUR = f"SELECT {_MASKED} FROM neighbour_lead WHERE id = $1"
LEAD = "SELECT id, version, state FROM lead WHERE id = $1"

TIMELINE = """
    SELECT version, type, actor, recorded_at, data FROM event
    WHERE aggregate = 'lead' AND stream_id = $1 ORDER BY version
"""
CHOICE = """
    SELECT sealed FROM event WHERE aggregate = 'lead' AND stream_id = $1 AND type = ANY($2::text[])
    ORDER BY version DESC LIMIT 1
"""
CONTENT = """
    SELECT sealed FROM event WHERE aggregate = 'lead' AND stream_id = $1 AND version = 1
"""
SUPERVISIONS = """
    SELECT id, version, state FROM supervision
    WHERE id > $1 AND ($2::text IS NULL OR unit = $2) ORDER BY id LIMIT $3 + 1
"""
_EXPIRED = """
    SELECT id, community, cell, status, changed_at FROM lead
    WHERE status = '{ended}' AND NOT is_reviewed
      AND changed_at < $2::timestamptz - interval '{days} days'
    ORDER BY changed_at LIMIT least($1, 1000)
"""
PERIODS: Mapping[Ended, int] = {
    "closed": registered().days("lead"),
    "dismissed": registered().days("lead_dismissed"),
}
"""Days after which a lead that ended so falls due."""
EXPIRED = " UNION ALL ".join(
    f"({_EXPIRED.format(ended=ended, days=days)})" for ended, days in PERIODS.items()
)
"""Leads that ended so long ago that what they hold must go, and of which nobody was told."""
OVER = """
    SELECT id, (state ->> 'record')::uuid AS record FROM retention_review
    WHERE status IN ('due', 'kept')
      AND passes_at < to_char($2::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
      AND NOT EXISTS (
          SELECT FROM held_subject WHERE held AND subject_ref = (state ->> 'record')::uuid)
    ORDER BY passes_at LIMIT least($1, 1000)
"""
"""Reviews whose month, or longer time, is over; `passes_at` is RFC 3339, in UTC."""
REVIEWS = """
    SELECT id, version, state FROM retention_review
    WHERE id > $1 AND status <> 'deleted' AND ($2::text IS NULL OR status = $2)
    ORDER BY id LIMIT $3 + 1
"""
RULES = "SELECT rules FROM routing_rules WHERE rule_set = $1"
RULE_SETS = "SELECT rule_set, valid_from FROM routing_rules ORDER BY rule_set DESC LIMIT 200"


async def leads(
    connection: Connection,
    *,
    after: UUID,
    limit: int,
    unit: str | None = None,
    community: str | None = None,
    status: str | None = None,
    source_number: str | None = None,
) -> Found:
    wanted = (after, unit, community, status, source_number, limit)
    return [_flat(row) for row in await connection.fetch(LEADS, *wanted)]


async def unrouted(connection: Connection, *, after: UUID, limit: int) -> Found:
    """The oldest first (row L15)."""
    return [_flat(row) for row in await connection.fetch(UNROUTED, after, limit)]


async def lead(connection: Connection, id: UUID) -> dict[str, Any] | None:
    """With the explanation of its route."""
    row = await connection.fetchrow(LEAD, id)
    return row and _flat(row, explained=True)


async def neighbours(
    connection: Connection, *, after: UUID, limit: int, community: str | None, status: str | None
) -> Found:
    """Leads of others near the border, as far as neighbours see them."""
    wanted = (after, community, status, limit)
    return [dict(row) for row in await connection.fetch(NEIGHBOURS, *wanted)]


async def neighbour(connection: Connection, id: UUID) -> dict[str, Any] | None:
    """As in the list."""
    row = await connection.fetchrow(NEIGHBOUR, id)
    return row and dict(row)


async def timeline(connection: Connection, id: UUID) -> Found:
    rows = await connection.fetch(TIMELINE, id)
    return [{**row, "data": json.loads(row["data"])} for row in rows]


async def newest_choice(connection: Connection, id: UUID) -> str | None:
    """What was sealed when its unit was last chosen; nothing where a rule chose it."""
    found = await connection.fetchval(CHOICE, id, [LeadRouted.type, LeadArbitrated.type])
    return None if found is None else str(found)


async def content(connection: Connection, id: UUID) -> str | None:
    """What was sealed when it was captured."""
    found = await connection.fetchval(CONTENT, id)
    return None if found is None else str(found)


async def supervisions(
    connection: Connection, *, after: UUID, limit: int, unit: str | None = None
) -> Found:
    return [_flat(row) for row in await connection.fetch(SUPERVISIONS, after, unit, limit)]


async def reviews(connection: Connection, *, after: UUID, limit: int, status: str | None) -> Found:
    return [_flat(row) for row in await connection.fetch(REVIEWS, after, status, limit)]


async def rule_sets(connection: Connection) -> Found:
    return [dict(row) for row in await connection.fetch(RULE_SETS)]


async def rules(connection: Connection, rule_set: int) -> dict[str, Any] | None:
    found = await connection.fetchval(RULES, rule_set)
    return None if found is None else dict(json.loads(found))


def _flat(row: Mapping[str, Any], *, explained: bool = False) -> dict[str, Any]:
    state = json.loads(row["state"])
    state.pop("captured_by", None)
    if not explained:
        state.pop("explanation", None)
    return {**state, "id": str(row["id"]), "version": row["version"]}
