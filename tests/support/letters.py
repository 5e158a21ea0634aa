"""Dead letters as they came: opened, as their service alone can."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from libs.common import dead_letters, waiting
from libs.common.database import session
from libs.common.keys import Keys
from libs.common.settings import Settings
from libs.common.work import Letter


@dataclass(frozen=True)
class Opened:
    letter: Letter
    stage: str
    reason: str


async def opened(settings: Settings, service: str) -> list[Opened]:
    """Of those that can still be read, the oldest first."""
    query = 'SELECT sealed, stage, reason FROM dead_letter ORDER BY died_at, "offset_"'
    async with session(settings.url(service, "reader")) as connection:
        rows = await connection.fetch(query)
    async with asyncpg.create_pool(settings.url("keys", "writer"), min_size=1, max_size=1) as pool:
        keys, found = Keys(pool), []
        for row in rows:
            if held := await dead_letters.opened(keys, row["sealed"]):
                found.append(Opened(waiting.letter(held), row["stage"], row["reason"]))
    return found
