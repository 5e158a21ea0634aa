"""What must hold of every journal, whatever died."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import asyncpg

from libs.common.messages import Decider
from libs.common.service import Service
from libs.common.settings import Settings

EVENTS = "SELECT stream_id, version, type, data FROM event WHERE aggregate = $1 ORDER BY version"


async def fetch(settings: Settings, service: Service, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(settings.url(service.name, "reader"))
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


async def check_states(settings: Settings, service: Service) -> None:
    """Versions run from 1 without a gap, and each state is the fold of its events; as of one
    moment, since timers may still run out."""
    connection = await asyncpg.connect(settings.url(service.name, "reader"))
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            for decider in service.deciders:
                await _check(connection, decider)
    finally:
        await connection.close()


async def _check(connection: asyncpg.Connection[Any], decider: Decider[Any, Any, Any]) -> None:
    types = {event.type: event for event in decider.events}
    streams = defaultdict(list)
    for event in await connection.fetch(EVENTS, decider.name):
        streams[event["stream_id"]].append(event)
    rows = await connection.fetch(f"SELECT id, version, state::text FROM {decider.name}")
    assert {row["id"] for row in rows} == streams.keys()
    for row in rows:
        events = streams[row["id"]]
        assert [event["version"] for event in events] == [*range(1, row["version"] + 1)]
        state = decider.blank(row["id"])
        for event in events:
            told = types[event["type"]].model_validate_json(event["data"])
            state = decider.evolve(state, told)
        assert decider.state.validate_json(row["state"]) == state
