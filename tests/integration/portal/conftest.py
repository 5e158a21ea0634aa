from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.portal import Portal, open_portal
from tests.support.provider import CLIENT, REDIRECT, Provider, provider_at_work
from tests.support.servers import Ground


@pytest.fixture(scope="package")
def provider() -> Iterator[Provider]:
    with provider_at_work() as there:
        yield there


@pytest.fixture(scope="package")
async def whole(servers: Ground, provider: Provider) -> AsyncIterator[Portal]:
    told = {"oidc_issuer": provider.url, "oidc_client": CLIENT, "oidc_redirect": REDIRECT}
    async with open_portal(servers, **told) as there:
        yield there


@pytest.fixture
async def portal(whole: Portal) -> Portal:
    whole.come_from_elsewhere()
    return whole
