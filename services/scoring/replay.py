"""All figures counted again from the journal of what was applied, and held against those shown."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg

from services.scoring.projections import EVENTS, tallies

Connection: TypeAlias = "asyncpg.Connection[Any]"
Key = tuple[str, int, str, str]

APPLIED = "SELECT type, data FROM applied ORDER BY position"
TALLY = "SELECT scheme, version, subject, indicator, numerator, denominator FROM tally"


@dataclass(frozen=True, slots=True)
class Replay:
    """Digests are SHA-256 over all tallies in the order of their keys."""

    events: int
    figures: int
    differing: tuple[Key, ...]
    digest: str
    replayed_digest: str


async def replay(connection: Connection, on_progress: Callable[[int], None]) -> Replay:
    """In one snapshot. `on_progress`: how many events were applied so far."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        counted, events = await _counted(connection, on_progress)
        shown = {tuple(row)[:4]: tuple(row)[4:] for row in await connection.fetch(TALLY)}
    keys = sorted({*counted, *shown}, key=str)
    differing = tuple(key for key in keys if counted.get(key) != shown.get(key))
    return Replay(events, len(shown), differing, _digest(shown), _digest(counted))


async def _counted(
    connection: Connection, on_progress: Callable[[int], None]
) -> tuple[dict[Any, Any], int]:
    numerators: Counter[Key] = Counter()
    denominators: Counter[Key] = Counter()
    events = 0
    async for row in connection.cursor(APPLIED, prefetch=5000):
        for *key, numerator, denominator in tallies(
            EVENTS[row["type"]].model_validate_json(row["data"])
        ):
            at: Any = tuple(key)
            numerators[at] += numerator
            denominators[at] += denominator
        events += 1
        if events % 5000 == 0:
            on_progress(events)
    on_progress(events)
    return {key: (numerators[key], denominators[key]) for key in denominators}, events


def _digest(figures: dict[Any, Any]) -> str:
    hash = hashlib.sha256()
    for key in sorted(figures, key=str):
        hash.update(repr((key, figures[key])).encode())
    return hash.hexdigest()
