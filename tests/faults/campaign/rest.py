"""Whether the city has come to rest: all read, all published, nothing waiting, nothing moving."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from functools import partial

from cli import state
from cli.city import SERVICES
from cli.state import State
from libs.common.database import session
from libs.common.settings import Settings
from services.scoring.queries import MOVED
from tests.support.awaiting import eventually

LOOK_SECONDS = 0.5
NOW = """
SELECT coalesce((SELECT base + (clock_timestamp() - began) * rate FROM clock), clock_timestamp())
"""
"""By the clock of the city, which leaps."""
DUE = f"SELECT count(*) FROM timer WHERE due_at < ({NOW})"


async def busy(settings: Settings) -> list[State]:
    """The services that are not done; those that moved between two looks are not."""
    first = await state.states(settings, SERVICES)
    async with session(settings.url("scoring", "reader")) as connection:
        moved = await connection.fetch(MOVED, 1)
    due = {service.name: await _due(settings, service.name) for service in SERVICES}
    await asyncio.sleep(LOOK_SECONDS)
    second = await state.states(settings, SERVICES)
    return [
        after
        for before, after in zip(first, second, strict=True)
        if before != after
        or after.lag
        or after.unpublished
        or after.waiting
        or due[after.service]
        or (after.service == "scoring" and moved)
    ]


async def _due(settings: Settings, service: str) -> int:
    async with session(settings.url(service, "reader")) as connection:
        return int(await connection.fetchval(DUE))


async def now(settings: Settings) -> datetime:
    """Of the city."""
    async with session(settings.url("leads", "reader")) as connection:
        moment: datetime = await connection.fetchval(NOW)
    return moment


async def unread(settings: Settings) -> int:
    """Events that wait to be published, or records that wait to be read."""
    known = await eventually(partial(_states, settings), bool, within=60)
    return sum(one.lag + one.unpublished + one.waiting for one in known)


async def _states(settings: Settings) -> list[State]:
    """Empty while servers are on their way up."""
    try:
        return await state.states(settings, SERVICES)
    except Exception:  # asked again, as below
        return []


async def rested(
    settings: Settings, within: float, since: float | None = None
) -> tuple[float, list[State]]:
    """Seconds until it came to rest, and what was busy still when time was up; from now on, or
    since a time of the clock of this machine."""
    begun = time.monotonic() if since is None else since
    while True:
        try:
            left = await busy(settings)
        except Exception:  # servers that are on their way up: asked again until time is up
            if time.monotonic() - begun > within:
                raise
            await asyncio.sleep(LOOK_SECONDS)
            continue
        seconds = time.monotonic() - begun
        if not left or seconds > within:
            return round(seconds, 1), left
