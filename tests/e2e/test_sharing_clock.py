"""What is over is over by the clock of the service, which a demo or a test may bend (row P8)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial

import asyncpg
import pytest
from joserfc.jwk import ECKey

from cli.city import SERVICES
from libs.common import provisioning
from services.registry import reference
from services.registry.main import SERVICE
from services.registry.sharing import SWEEPS
from tests.e2e.small_city.test_content import OFFICER
from tests.e2e.small_city.test_retention import swept
from tests.e2e.small_city.test_sharing import TOWN_CENTRE, admitted, key, listed, read
from tests.support.awaiting import eventually
from tests.support.servers import ROOT, Ground
from tests.support.town import PLAN, SEED, Town, forget_topics, is_ok, town_of

__all__ = ["key"]
AHEAD = timedelta(days=400)
BEND = "INSERT INTO clock (base, began, rate) SELECT now() + $1::interval, now(), 1"


@pytest.fixture(scope="module")
async def town(servers: Ground) -> AsyncIterator[Town]:
    """The registry alone, in a year and a month."""
    file = provisioning.topics_file(ROOT)
    await forget_topics(servers, list(file.topics))
    settings = await servers.provide(SERVICES, file)
    owner = await asyncpg.connect(settings.url("registry", "owner"))
    await owner.execute(BEND, AHEAD)
    await owner.close()
    async with town_of(settings, [SERVICE]) as there:
        await there.load(reference.batches(PLAN, SEED))
        for person in (OFFICER, TOWN_CENTRE):
            await eventually(partial(there.of(person.id).client.get, "/shared-batches"), is_ok)
        yield there


async def test_what_is_over_by_the_clock_of_the_service_is_hidden(town: Town, key: ECKey) -> None:
    ends = datetime.now(UTC) + AHEAD + timedelta(seconds=4)
    first, _ = await admitted(town, key, expires_at=ends.isoformat())
    assert first in await listed(town, OFFICER)
    await eventually(partial(read, town, first), lambda answer: answer.status_code == 404)
    assert first not in await listed(town, OFFICER)
    await swept(town, "registry", SWEEPS)
    assert first in await listed(town, OFFICER, status="expired")
