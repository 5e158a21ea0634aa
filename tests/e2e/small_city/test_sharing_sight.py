"""Who sees what of what the police share: whoever needs it for the step that is theirs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from joserfc.jwk import ECKey

from libs.common.database import session
from services.registry import reference
from tests.e2e.small_city.plan import CELL, CITY, COMMUNITY, PARENT
from tests.e2e.small_city.test_content import ELSEWHERE, INFORMANT, OFFICER
from tests.e2e.small_city.test_sharing import (
    HEAD,
    TOWN_CENTRE,
    admitted,
    category,
    entries_of,
    key,
    listed,
    read,
    submit,
)
from tests.support.awaiting import eventually
from tests.support.town import PLAN, SEED, Town

__all__ = ["key"]
COMMANDER = reference.commander(PLAN, SEED)


async def batch_of(town: Town, key: ECKey) -> str:
    return str((await submit(town, key)).json()["id"])


async def test_a_category_is_read_by_who_decides_for_a_purpose(town: Town, key: ECKey) -> None:
    id = await batch_of(town, key)
    shown = await category(town, id)
    assert shown.status_code == 200, shown.text
    assert (shown.json()["category"], shown.json()["purpose"]) == ("released_prisoner", "resettle")
    assert shown.headers["Cache-Control"] == "no-store"
    bare = await town.of(TOWN_CENTRE.id).client.get(f"/shared-batches/{id}/category")
    assert (bare.status_code, bare.json()["path"]) == (422, "/purpose")
    assert (await category(town, id, purpose="resettle")).status_code == 404
    assert (await category(town, id, case=str(uuid4()))).status_code == 404
    for person in (OFFICER, ELSEWHERE, INFORMANT, HEAD):
        assert (await category(town, id, person)).status_code == 404, str(person)
    await town.of(TOWN_CENTRE.id).post(f"/shared-batches/{id}/approve")
    assert (await category(town, id)).status_code == 404, "somebody decided"


async def test_a_category_is_hidden_at_the_end_of_its_batch(town: Town, key: ECKey) -> None:
    """However late a sweep sees that nobody decided."""
    ends = datetime.now(UTC) + timedelta(seconds=3)
    id = str((await submit(town, key, expires_at=ends.isoformat())).json()["id"])
    assert (await category(town, id)).status_code == 200
    await asyncio.sleep((ends - datetime.now(UTC)).total_seconds() + 0.5)
    assert (await category(town, id)).status_code == 404


async def test_no_list_of_batches_tells_of_what_they_are_or_which_entries_they_have(
    town: Town, key: ECKey
) -> None:
    first, second = await admitted(town, key)
    waits = await batch_of(town, key)
    for person in (COMMANDER, TOWN_CENTRE.id, OFFICER.id):
        found = await everything(town, person)
        text = json.dumps(found)
        said = ("released_prisoner", "resettle", first, second, *await entries_of(town, waits))
        assert not [word for word in said if word in text]
        assert waits in [one["id"] for one in found]
    assert {one["status"] for one in await everything(town, COMMANDER)} == {"submitted"}


async def everything(town: Town, person: UUID) -> list[dict[str, Any]]:
    """Each batch as it is listed, and as it is shown."""
    them, found, after = town.of(person), list[dict[str, Any]](), str(UUID(int=0))
    while after:
        page = await them.get("/shared-batches", limit=200, after=after)
        found += page["items"]
        after = page["next"]
    return found + [await them.get(f"/shared-batches/{one['id']}") for one in found[-20:]]


async def test_what_was_decided_the_whole_city_need_not_see(town: Town, key: ECKey) -> None:
    id = await batch_of(town, key)
    path = f"/shared-batches/{id}"
    assert (await town.of(COMMANDER).client.get(path)).status_code == 200
    await town.of(TOWN_CENTRE.id).post(f"{path}/reject", {"reason": "unclear"})
    assert (await town.of(COMMANDER).client.get(path)).status_code == 404
    assert (await town.of(TOWN_CENTRE.id).get(path))["status"] == "rejected"


async def test_who_issued_it_sees_its_entries_and_withdraws_one(town: Town, key: ECKey) -> None:
    first, second = await admitted(town, key)
    issuer = town.of(ELSEWHERE.id)
    id = await batch_id(town, first)
    assert (await issuer.get(f"/shared-batches/{id}"))["entries"] == [first, second]
    gone = await issuer.post(f"/shared-entries/{first}/withdraw", {"reason": "issued_in_error"})
    assert gone.status_code == 200, gone.text
    assert (await read(town, first)).status_code == 404
    assert (await read(town, second, ELSEWHERE)).status_code == 404, "what it says is not theirs"
    assert second not in await listed(town, ELSEWHERE)


async def batch_id(town: Town, entry: str) -> str:
    query = "SELECT state ->> 'batch_id' AS id FROM shared_entry WHERE id = $1"
    async with session(town.settings.url("registry", "writer")) as writer:
        (row,) = await writer.fetch(query, UUID(entry))
        return str(row["id"])


async def test_who_issued_it_does_not_decide_on_it(town: Town, key: ECKey) -> None:
    """One person with two posts (row R9)."""
    held = await appointed(town, "town_operator", PARENT[COMMUNITY], ELSEWHERE.id)
    id = await batch_of(town, key)
    approve = partial(town.of(ELSEWHERE.id).post, f"/shared-batches/{id}/approve")
    answer = await eventually(approve, lambda answer: answer.status_code != 404)
    await town.post(f"/appointments/{held}/end", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "second_person_required")


async def appointed(town: Town, role: str, area: str, person: UUID) -> str:
    post = f"{role}-{uuid4().hex[:8]}"
    await town.load([("/posts/batch", [{"code": post, "role": role, "area": area}])])
    put = await town.post("/appointments", {"post": post, "person_ref": str(person)})
    assert put.status_code == 201, put.text
    return str(put.json()["id"])


LEVELS: Mapping[str, tuple[str, ...]] = {
    "community_officer": (CITY, PARENT[COMMUNITY], CELL),
    "auxiliary_officer": (CITY, PARENT[COMMUNITY], CELL),
    "town_operator": (CITY, COMMUNITY),
    "command_operator": (PARENT[COMMUNITY],),
}


@pytest.mark.parametrize("role", LEVELS)
async def test_a_post_is_of_an_area_of_its_level(town: Town, role: str) -> None:
    for area in LEVELS[role]:
        post = {"code": f"{role}-{uuid4().hex[:8]}", "role": role, "area": area}
        refused = await town.post("/posts", post)
        assert (refused.status_code, refused.json()["code"]) == (422, "other_level"), area


async def test_nobody_makes_an_officer_of_themselves(town: Town) -> None:
    post = f"officer-{uuid4().hex[:8]}"
    seat = {"code": post, "role": "community_officer", "area": COMMUNITY}
    await town.load([("/posts/batch", [seat])])
    held = {"post": post, "person_ref": str(COMMANDER)}
    refused = await town.of(COMMANDER).post("/appointments", held)
    assert (refused.status_code, refused.json()["code"]) == (409, "own_appointment")


async def test_a_slash_more_is_no_other_address(town: Town, key: ECKey) -> None:
    first, _ = await admitted(town, key)
    who = town.of(INFORMANT.id).client
    nothing = await who.get("/shared-nothing")
    for path in ("/shared-entries/", f"/shared-entries/{first}/", "/shared-batches/"):
        answer = await who.get(path)
        assert (answer.status_code, answer.content) == (nothing.status_code, nothing.content)
