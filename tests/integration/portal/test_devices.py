"""A lost phone: once revoked it signs nobody in, and whoever was in on it is out (row W5)."""

from __future__ import annotations

from typing import Any

from libs.common.ids import uuid7
from tests.support.portal import NOT_LET_IN, REFUSED, Person, Portal, founder_token, told


async def registered(portal: Portal, person: Person) -> tuple[str, dict[str, str]]:
    """A device of that person, and the tokens of the session that it was registered by."""
    tokens = await portal.signed_in(person)
    id = str(uuid7())
    answer = await portal.post("/devices", {"id": id}, tokens["access_token"])
    assert answer.status_code == 201, answer.text
    return id, tokens


async def is_in(portal: Portal, tokens: dict[str, str]) -> bool:
    answer = await portal.post("/refresh", {"refresh_token": tokens["refresh_token"]})
    return answer.status_code == 200


async def test_a_revoked_device_ends_the_sessions_on_it_and_no_other(portal: Portal) -> None:
    person = await portal.worker()
    id, first = await registered(portal, person)
    second = await portal.signed_in(person, device=id)
    elsewhere = await portal.signed_in(person)
    revoked = await portal.post(f"/devices/{id}/revoke", token=elsewhere["access_token"])
    assert revoked.status_code == 200, revoked.text
    assert [await is_in(portal, one) for one in (first, second, elsewhere)] == [False, False, True]
    assert told(await portal.sign_in(person, device=id)) == NOT_LET_IN
    assert (await portal.sign_in(person)).status_code == 201


async def test_a_founder_revokes_the_device_of_whoever_cannot(portal: Portal) -> None:
    person = await portal.worker()
    id, tokens = await registered(portal, person)
    listed = (await portal.get(f"/devices?account={person.id}", portal.founder)).json()["items"]
    assert [(one["id"], one["status"]) for one in listed] == [(id, "registered")]
    assert (await portal.post(f"/devices/{id}/revoke", token=founder_token())).status_code == 200
    assert not await is_in(portal, tokens)


async def test_anothers_device_does_not_exist(portal: Portal) -> None:
    owner, other = await portal.worker(), await portal.worker()
    id, _ = await registered(portal, owner)
    theirs, tokens = await registered(portal, other)
    token = tokens["access_token"]
    assert told(await portal.post(f"/devices/{id}/revoke", token=token)) == (404, "not_found")
    assert told(await portal.post("/devices", {"id": id}, token)) == (404, "not_found")
    assert told(await portal.sign_in(other, device=id)) == NOT_LET_IN
    listed = (await portal.get(f"/devices?account={owner.id}", token)).json()["items"]
    assert listed == []
    listed = (await portal.get("/devices", token)).json()["items"]
    assert [one["id"] for one in listed] == [theirs]
    assert told(await portal.post(f"/devices/{id}/revoke")) == REFUSED


async def test_a_device_is_registered_once_and_revoked_once(portal: Portal) -> None:
    person = await portal.worker()
    id, tokens = await registered(portal, person)
    token = tokens["access_token"]
    again = await portal.post("/devices", {"id": id}, token)
    assert again.status_code == 200, "the same request has the same answer"
    elsewhere = (await portal.signed_in(person))["access_token"]
    assert (await portal.post(f"/devices/{id}/revoke", token=elsewhere)).status_code == 200
    twice: Any = await portal.post(f"/devices/{id}/revoke", token=elsewhere)
    assert told(twice) == (409, "illegal_transition")
    unknown = await portal.post(f"/devices/{uuid7()}/revoke", token=elsewhere)
    assert told(unknown) == (404, "not_found")
    old = await portal.post("/devices", {"id": "9b2d7c1e-0000-4000-8000-000000000000"}, elsewhere)
    assert told(old) == (422, "invalid_id")
