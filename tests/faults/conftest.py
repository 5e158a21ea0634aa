"""One brief campaign, whose traces several tests look at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.campaign.plan import BRIEF
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
