"""Records older than ids are remembered for (row Q8 of the requirements): in a topic that was read
by then they may have been applied, and nobody knows any more. A service that is new reads them all.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from libs.common.retention import DAYS

if TYPE_CHECKING:
    from libs.common.journal import Connection

READ_SINCE = """
SELECT topic, min(since) AS since, clock_timestamp() AS now FROM position
WHERE topic = ANY($1) GROUP BY topic
"""


class Horizon:
    """By the database's clock, and the steady one since it was read."""

    def __init__(self) -> None:
        self._topics: dict[str, tuple[datetime, datetime, float]] = {}

    async def look(self, connection: Connection, topics: Sequence[str]) -> None:
        for row in await connection.fetch(READ_SINCE, topics):
            self._topics[row["topic"]] = (row["since"], row["now"], time.monotonic())

    def hides(self, topic: str, at: datetime) -> bool:
        """Whether what happened then may have been applied and forgotten."""
        if topic not in self._topics:
            return False
        since, now, seen = self._topics[topic]
        horizon = now + timedelta(seconds=time.monotonic() - seen) - timedelta(days=DAYS)
        return at < horizon and since < horizon
