"""An hour in which only so many subjects are read is one of the clock of the service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import pytest
from joserfc.jwk import ECKey

from libs.common.reading_limit import SUBJECTS
from tests.e2e.clocks import registry_by
from tests.e2e.small_city.test_sharing import admitted, entry, key, read
from tests.support.awaiting import eventually
from tests.support.servers import Ground
from tests.support.town import Town, is_ok

__all__ = ["key"]
HOUR_SECONDS = 30


@pytest.fixture(scope="module")
async def town(servers: Ground) -> AsyncIterator[Town]:
    """The registry alone, for which an hour is half a minute."""
    async with registry_by(servers, rate=3600 / HOUR_SECONDS) as there:
        yield there


async def test_what_shared_entries_say_is_read_of_twenty_in_an_hour(town: Town, key: ECKey) -> None:
    entries = [entry(name=f"Han Mei {n}") for n in range(SUBJECTS + 1)]
    *first, last = await admitted(town, key, entries=entries)
    for id in first:
        assert is_ok(await read(town, id))
    stopped = await read(town, last)
    assert (stopped.status_code, stopped.json()["code"]) == (429, "too_many_subjects")
    assert 1 <= int(stopped.headers["Retry-After"]) <= HOUR_SECONDS
    assert is_ok(await read(town, first[-1]))
    await eventually(partial(read, town, last), is_ok, within=HOUR_SECONDS + 15)
    query = "SELECT count(*) AS told FROM event WHERE type = 'reading_limit.reached.v1'"
    assert await town.rows("registry", query) == [{"told": 1}]
