from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.portal import Portal, open_portal
from tests.support.servers import Ground


@pytest.fixture(scope="package")
async def whole(servers: Ground) -> AsyncIterator[Portal]:
    async with open_portal(servers) as there:
        yield there


@pytest.fixture
async def portal(whole: Portal) -> Portal:
    whole.come_from_elsewhere()
    return whole
