"""The registry alone, by a clock of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import asyncpg

from services.registry import reference
from services.registry.main import SERVICE
from tests.e2e.small_city.test_content import OFFICER
from tests.e2e.small_city.test_sharing import TOWN_CENTRE
from tests.support.awaiting import eventually
from tests.support.servers import Ground
from tests.support.town import PLAN, SEED, Town, emptied, is_ok, town_of

BEND = "INSERT INTO clock (base, began, rate) SELECT now() + $1::interval, now(), $2"


@asynccontextmanager
async def registry_by(
    servers: Ground, *, ahead: timedelta = timedelta(0), rate: float = 1
) -> AsyncIterator[Town]:
    """`ahead` of ours when it begins; `rate`: of its seconds to one of ours."""
    settings = await emptied(servers)
    owner = await asyncpg.connect(settings.url("registry", "owner"))
    await owner.execute(BEND, ahead, rate)
    await owner.close()
    async with town_of(settings, [SERVICE]) as there:
        await there.load(reference.batches(PLAN, SEED))
        for person in (OFFICER, TOWN_CENTRE):
            await eventually(partial(there.of(person.id).client.get, "/shared-batches"), is_ok)
        yield there
