"""S4: a token of any wrong kind is 401, in every service, with no hint why.

The kinds, one by one: `tests/unit/rights/test_tokens.py`. What was revoked:
`tests/e2e/small_city/test_revocation.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.support.servers import TOKENS
from tests.support.town import ASKED, Town
from tests.unit.rights.test_tokens import WRONG, _claims, _signed

EVERY_SERVICE = (*ASKED.values(), "/me")
PLAIN = {kind for kind in WRONG if kind not in ("not ascii",)}


def anonymous(town: Town) -> httpx.AsyncClient:
    transport = town.client._transport
    return httpx.AsyncClient(transport=transport, base_url=town.client.base_url)


@pytest.mark.parametrize("kind", sorted(PLAIN))
async def test_a_wrong_token_is_401_in_every_service(town: Town, kind: str) -> None:
    header = {"Authorization": f"Bearer {WRONG[kind](TOKENS)}"}
    answers = [await anonymous(town).get(path, headers=header) for path in EVERY_SERVICE]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json()["code"] == "unauthorised"


@pytest.mark.parametrize(
    "header",
    [
        *("", "Bearer", "Bearer ", "Basic Zm9v", "Digest x", "bearer\tx", "Bearer a b"),
        *("Token x", "Bearer null", "Bearer undefined", "Bearer ../../signing.pem"),
    ],
)
async def test_what_is_no_token_is_401(town: Town, header: str) -> None:
    for path in EVERY_SERVICE:
        answer = await anonymous(town).get(path, headers={"Authorization": header})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_token_is_read_from_its_header_alone(town: Town) -> None:
    token = _signed(TOKENS, _claims())
    there = anonymous(town)
    for path in EVERY_SERVICE:
        cookie = await there.get(path, headers={"Cookie": f"access_token={token}"})
        query = await there.get(path, params={"access_token": token})
        assert (cookie.status_code, query.status_code) == (401, 401)


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[int, list[Any]]]:
    called: list[Any] = []
    server = await asyncio.start_server(lambda *one: called.append(one), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], called
    server.close()


@pytest.mark.parametrize("name", ["jku", "x5u", "kid", "iss"])
async def test_no_key_is_fetched_from_where_a_token_says(town: Town, name: str) -> None:
    async with listening() as (port, called):
        address = f"http://127.0.0.1:{port}/keys.json"
        claims = _claims() | ({"iss": address} if name == "iss" else {})
        header = {} if name == "iss" else {name: address, "kid": address}
        told = {"Authorization": f"Bearer {_signed(TOKENS, claims, **header)}"}
        for path in EVERY_SERVICE:
            assert (await anonymous(town).get(path, headers=told)).status_code == 401
        await asyncio.sleep(0)
        assert called == []
