from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from functools import partial

import pytest

from libs.common.ids import uuid7
from services.registry import reference
from tests.e2e.small_city.plan import CELL
from tests.support.awaiting import eventually
from tests.support.servers import Ground
from tests.support.town import PLAN, SEED, Town, open_town


@pytest.fixture(scope="package")
async def town(servers: Ground) -> AsyncIterator[Town]:
    """The small city, known to all services."""
    async with open_town(servers) as there:
        await there.load(reference.batches(PLAN, SEED))
        await there.spread()
        yield there


@pytest.fixture(scope="package")
async def things(town: Town) -> Mapping[str, str]:
    """A lead, an alert and a case in CELL: ids by the first part of their addresses."""
    theft, quarrel = str(uuid7()), str(uuid7())
    for id, kind in ((theft, "theft"), (quarrel, "neighbour_quarrel")):
        await town.post("/leads", {"id": id, "lead_type": kind, "cell": CELL})
    alert = (await eventually(partial(_items, town, "/alerts", about=theft), bool))[0]
    case = (await eventually(partial(_items, town, "/mediation-cases", lead_id=quarrel), bool))[0]
    return {"leads": theft, "alerts": alert["id"], "mediation-cases": case["id"]}


async def _items(town: Town, path: str, **query: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = (await town.get(path, **query))["items"]
    return found
