"""Which figures are published, of those in the database."""

from __future__ import annotations

import json
from uuid import uuid4

from libs.common import provisioning
from libs.common.database import session
from services.scoring.main import SERVICE
from services.scoring.queries import MOVED
from tests.support.servers import ROOT, Ground

COUNTED = "INSERT INTO tally VALUES ('s', 1, $1, 'i', $2, $3)"
PUBLISHED = "INSERT INTO score VALUES ($1, 0, 1, 1, '', $2, now())"


async def test_a_count_that_is_behind_what_was_published_of_it_waits(servers: Ground) -> None:
    """As after a restore, until it was counted again: a sweep that found it would not end."""
    settings = await servers.provide([SERVICE], provisioning.topics_file(ROOT))
    counted = {
        "as published": (4, 10),
        "behind": (3, 9),
        "behind in one": (5, 9),
        "grown": (4, 11),
        "new": (4, 10),
    }
    async with session(settings.url(SERVICE.name, "writer")) as connection:
        for subject, counts in counted.items():
            await connection.execute(COUNTED, subject, *counts)
            state = {"scheme": "s", "version": 1, "subject": subject, "indicator": "i"}
            if subject != "new":
                told = json.dumps({**state, "numerator": 4, "denominator": 10})
                await connection.execute(PUBLISHED, uuid4(), told)
        moved = {row["subject"] for row in await connection.fetch(MOVED, 10)}
    assert moved == {"grown", "new"}
