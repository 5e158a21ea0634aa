"""How many events a journal holds. Whether the audit was anchored meanwhile is a matter of the
minute, so that those of its own topic stand apart."""

from __future__ import annotations

from libs.common.contracts.audit import TOPIC as AUDIT
from libs.common.database import session

BY_TOPIC = "SELECT topic, count(*) FROM event GROUP BY topic"


async def counted(url: str, topic: str) -> tuple[int, int]:
    """Those of `topic`, and all; AssertionError where there are any but those and anchors."""
    async with session(url) as connection:
        found = dict(await connection.fetch(BY_TOPIC))
    assert found.keys() <= {topic, AUDIT}
    return found.get(topic, 0), sum(found.values())
