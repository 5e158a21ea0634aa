"""What the portal takes back is refused by every service within five seconds (row W16)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.registry import reference
from tests.support.awaiting import eventually
from tests.support.town import ANY, PLAN, SEED, Town

WITHIN_SECONDS = 5.0
TRIALS = 5
PASSWORD = "a Harbour at low tide"
CELL = next(
    body["area"]
    for route, bodies in reference.batches(PLAN, SEED)
    for body in bodies
    if route == "/posts/batch" and body["role"] == "grid_informant"
)
ASKED = ("/areas/counts", "/leads", "/alerts", "/mediation-centres", "/scores", "/me")
"""What an informant may ask of each service."""


@pytest.fixture(scope="module")
async def informant(town: Town) -> Mapping[str, Any]:
    """Somebody with a post, an account and no second factor."""
    post = {"code": f"informant-{uuid4().hex[:8]}", "role": "grid_informant", "area": CELL}
    person = str(uuid4())
    await town.load([("/posts/batch", [post])])
    await town.load([("/appointments/batch", [{"post": post["code"], "person_ref": person}])])
    await town.spread()
    name = f"n{uuid4().hex[:12]}"
    body = {"name": name, "person_ref": person, "second_factor": False}
    opened = (await town.post("/accounts", body)).json()
    told = {"name": name, "invitation": opened["invitation"], "password": PASSWORD}
    assert (await town.post("/accounts/activate", told)).status_code == 200
    there = town.of(UUID(person))
    for path in ASKED[:-1]:
        await eventually(partial(there.client.get, path), lambda one: one.status_code == 200)
    return {"id": opened["id"], "name": name, "person": person, "post": post["code"]}


async def signed_in(town: Town, informant: Mapping[str, Any]) -> httpx.AsyncClient:
    body = {"name": informant["name"], "password": PASSWORD}
    asked = partial(town.client.post, "/sign-in", json=body)
    answer = await eventually(asked, lambda one: one.status_code != 429, within=60)
    assert answer.status_code == 201, answer.text
    token = answer.json()["access_token"]
    headers = {**ANY, "Authorization": f"Bearer {token}"}
    base, transport = town.client.base_url, town.client._transport
    return httpx.AsyncClient(transport=transport, base_url=base, headers=headers)


async def refused_everywhere(client: httpx.AsyncClient) -> float:
    """Seconds until every service refuses."""
    begun = time.monotonic()
    for path in ASKED:
        await eventually(partial(client.get, path), lambda one: one.status_code == 401)
    return time.monotonic() - begun


async def statuses(client: httpx.AsyncClient) -> set[int]:
    return {(await client.get(path)).status_code for path in ASKED}


async def test_who_signs_out_is_out_everywhere_and_other_sessions_go_on(
    town: Town, informant: Mapping[str, Any]
) -> None:
    stays = await signed_in(town, informant)
    for _ in range(TRIALS):
        goes = await signed_in(town, informant)
        assert await statuses(goes) == {200}
        assert (await goes.post("/sign-out")).status_code == 204
        assert await refused_everywhere(goes) < WITHIN_SECONDS
    assert await statuses(stays) == {200}


async def test_a_disabled_account_is_refused_everywhere_and_an_enabled_one_signs_in_anew(
    town: Town, informant: Mapping[str, Any]
) -> None:
    client = await signed_in(town, informant)
    assert await statuses(client) == {200}
    assert (await town.post(f"/accounts/{informant['id']}/disable")).status_code == 200
    assert await refused_everywhere(client) < WITHIN_SECONDS
    other = town.of(uuid4(), founder=True)
    assert (await other.post(f"/accounts/{informant['id']}/enable")).status_code == 200
    again = await signed_in(town, informant)
    for path in ASKED:
        await eventually(partial(again.get, path), lambda one: one.status_code == 200)
    assert await statuses(client) == {401}, "what was revoked stays so"


async def test_who_showed_no_second_factor_has_no_post_but_an_informants(
    town: Town, informant: Mapping[str, Any]
) -> None:
    """Though another was given to them since their account was opened (row W15)."""
    room = {"organisation": f"police_room-{CELL[:12]}"}
    post = {"code": f"room-{uuid4().hex[:8]}", "role": "auxiliary_officer", "area": CELL[:12]}
    await town.load([("/posts/batch", [post | room])])
    held = {"post": post["code"], "person_ref": informant["person"]}
    await town.load([("/appointments/batch", [held])])
    coded = town.of(UUID(informant["person"]))
    await eventually(partial(coded.client.get, "/supervisions"), lambda one: one.status_code == 200)
    plain = await signed_in(town, informant)
    assert (await plain.get("/supervisions")).status_code == 403
    assert (await plain.get("/leads")).status_code == 200
