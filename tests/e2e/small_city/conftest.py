from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.registry import reference
from tests.support.servers import Ground
from tests.support.town import PLAN, SEED, Town, open_town


@pytest.fixture(scope="package")
async def town(servers: Ground) -> AsyncIterator[Town]:
    """The small city, known to all services."""
    async with open_town(servers) as there:
        await there.load(reference.batches(PLAN, SEED))
        await there.spread()
        yield there
