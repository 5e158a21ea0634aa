"""One brief campaign, whose traces several tests look at; a proxy in front of PostgreSQL."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.common.settings import Settings
from tests.faults.campaign.plan import BRIEF
from tests.faults.campaign.proxy import Proxy
from tests.faults.campaign.run import Report, run
from tests.support.servers import ROOT, Ground

SEED = 20


@pytest.fixture(scope="session")
async def campaign(servers: Ground) -> AsyncIterator[tuple[Report, Path]]:
    """The report of the campaign, and the folder of what was seen, kept until the next."""
    if servers.own is None:
        pytest.skip("the servers of the environment are not ours to kill")
    folder = ROOT / ".data" / "faults-test"
    yield await run(BRIEF, SEED, folder), folder


@pytest.fixture
async def cutting(servers: Ground) -> AsyncIterator[Proxy]:
    """In front of PostgreSQL."""
    if servers.own is None:
        pytest.skip("the servers of the environment are not ours to cut off")
    host = servers.admin_url.rpartition("@")[2].partition("/")[0]
    proxy = Proxy(int(host.rpartition(":")[2]), random.Random(5))
    await proxy.start()
    yield proxy
    await proxy.stop()


def through(proxy: Proxy, settings: Settings) -> Settings:
    """The databases, reached by way of it."""
    url = re.sub("(?<=@)[^/]+", f"127.0.0.1:{proxy.port}", settings.database_url)
    return settings.model_copy(update={"database_url": url})
