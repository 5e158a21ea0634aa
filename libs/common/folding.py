"""Whether every state is the fold of its events, and every stream without a gap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from libs.common.journal import Connection, folded
from libs.common.messages import Address, Decider
from libs.common.service import Service

PAGE = 1000
FIRST = UUID(int=0)


async def unsound(connection: Connection, service: Service) -> list[Address]:
    """Aggregates whose state is not what their events tell; as of one moment."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        found: list[Address] = []
        for decider in service.aggregates:
            after: UUID | None = FIRST
            while after is not None:
                wrong, after = await _page(connection, decider, after)
                found += [(decider.name, id) for id in wrong]
            orphans = (
                "SELECT DISTINCT stream_id FROM event WHERE aggregate = $1"
                f" AND NOT EXISTS (SELECT FROM {decider.name} WHERE id = stream_id)"
            )
            rows = await connection.fetch(orphans, decider.name)
            found += [(decider.name, row["stream_id"]) for row in rows]
        return found


async def _page(
    connection: Connection, decider: Decider[Any, Any, Any], after: UUID
) -> tuple[list[UUID], UUID | None]:
    """Of up to `PAGE` states past `after`, those that are wrong; and the last of them."""
    rows = await connection.fetch(
        f"SELECT id, version, shape, state::text FROM {decider.name}"
        " WHERE id > $1 ORDER BY id LIMIT $2",
        *(after, PAGE),
    )
    events = await connection.fetch(
        "SELECT stream_id, version, type, data FROM event"
        " WHERE stream_id = ANY($1::uuid[]) AND aggregate = $2 ORDER BY stream_id, version",
        *([row["id"] for row in rows], decider.name),
    )
    streams: dict[UUID, list[Any]] = {row["id"]: [] for row in rows}
    for event in events:
        streams[event["stream_id"]].append(event)
    wrong = [row["id"] for row in rows if not _is_fold(decider, row, streams[row["id"]])]
    return wrong, rows[-1]["id"] if len(rows) == PAGE else None


def _is_fold(decider: Decider[Any, Any, Any], row: Any, events: Sequence[Any]) -> bool:
    if [event["version"] for event in events] != list(range(1, row["version"] + 1)):
        return False
    if row["shape"] != decider.shape:
        return True
    told = folded(decider, row["id"], events)
    return bool(decider.state.validate_json(row["state"]) == told)
