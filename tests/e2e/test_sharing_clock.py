"""What is over is over by the clock of the service, which a demo or a test may bend (row P8)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from joserfc.jwk import ECKey

from services.registry.sharing import SWEEPS
from tests.e2e.clocks import registry_by
from tests.e2e.small_city.test_content import OFFICER
from tests.e2e.small_city.test_retention import swept
from tests.e2e.small_city.test_sharing import admitted, key, listed, read
from tests.support.awaiting import eventually
from tests.support.servers import Ground
from tests.support.town import Town

__all__ = ["key"]
AHEAD = timedelta(days=400)


@pytest.fixture(scope="module")
async def town(servers: Ground) -> AsyncIterator[Town]:
    """The registry alone, in a year and a month."""
    async with registry_by(servers, ahead=AHEAD) as there:
        yield there


async def test_what_is_over_by_the_clock_of_the_service_is_hidden(town: Town, key: ECKey) -> None:
    ends = datetime.now(UTC) + AHEAD + timedelta(seconds=4)
    first, _ = await admitted(town, key, expires_at=ends.isoformat())
    assert first in await listed(town, OFFICER)
    await eventually(partial(read, town, first), lambda answer: answer.status_code == 404)
    assert first not in await listed(town, OFFICER)
    await swept(town, "registry", SWEEPS)
    assert first in await listed(town, OFFICER, status="expired")
