"""What the police share: let in by two persons, read by one officer, out again by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from joserfc.jwk import ECKey

from libs.common.database import session
from libs.common.keys import Keys
from services.registry import sources
from services.registry.sharing import SWEEPS
from tests.e2e.small_city.plan import CELL, COMMUNITY, PARENT, Person
from tests.e2e.small_city.test_audit import asked, rows
from tests.e2e.small_city.test_content import ELSEWHERE, INFORMANT, OFFICER, holder
from tests.e2e.small_city.test_retention import swept
from tests.support.awaiting import eventually
from tests.support.town import Town

TOWN_CENTRE = holder(lambda one: one.role == "town_operator" and one.area == PARENT[COMMUNITY])
HEAD = holder(lambda one: one.role == "grid_head")
SAYS = {"kind": "report", "text": "lives with his sister"}


@pytest.fixture
def key(town: Town) -> ECKey:
    assert town.settings.tokens
    made = sources.made("bureau")
    sources.add(town.settings.tokens, made)
    return made


def batch(**told: Any) -> dict[str, Any]:
    """A good one, but its signature; `told`: what is other."""
    at = datetime.now(UTC) + timedelta(days=60)
    good = {
        "source": "bureau",
        "document": f"2026-{uuid4().int % 10**8}",
        "basis": "police_sharing",
        "purpose": "resettle",
        "category": "released_prisoner",
        "area": COMMUNITY,
        "expires_at": at.isoformat(),
        "issued_by": str(ELSEWHERE.id),
        "entries": [entry(name="Han Mei"), entry(name="Li Lei", born="1990-02-03")],
    }
    return {name: value for name, value in {**good, **told}.items() if value is not None}


def entry(**told: Any) -> dict[str, Any]:
    good: dict[str, Any] = {"cell": CELL, "name": "Han Mei", "address": "3rd floor"}
    good |= {"born": "1980-05-06", "statement": SAYS}
    return {name: value for name, value in {**good, **told}.items() if value is not None}


def signed(key: ECKey, body: Mapping[str, Any]) -> dict[str, Any]:
    return {**body, "signature": sources.sign(key, "bureau", body)}


async def submit(town: Town, key: ECKey, **told: Any) -> httpx.Response:
    return await town.of(OFFICER.id).post("/shared-batches", signed(key, batch(**told)))


async def admitted(town: Town, key: ECKey, **told: Any) -> list[str]:
    """Entries in force."""
    answer = await submit(town, key, **told)
    assert answer.status_code == 201, answer.text
    path = f"/shared-batches/{answer.json()['id']}"
    approved = await town.of(TOWN_CENTRE.id).post(f"{path}/approve")
    assert approved.status_code == 200, approved.text
    return await entries_of(town, answer.json()["id"])


async def entries_of(town: Town, batch: str) -> list[str]:
    """Their ids, in the order of the batch."""
    query = (
        "SELECT jsonb_array_elements_text(state -> 'entries') AS id FROM shared_batch WHERE id = $1"
    )
    async with session(town.settings.url("registry", "writer")) as writer:
        return [row["id"] for row in await writer.fetch(query, UUID(batch))]


async def read(
    town: Town, id: str, person: Person = OFFICER, purpose: str = "resettle", case: str = ""
) -> httpx.Response:
    told = {"Civicgrid-Purpose": purpose, "Civicgrid-Case": case or id}
    return await town.of(person.id).client.get(f"/shared-entries/{id}", headers=told)


async def listed(town: Town, person: Person, **query: Any) -> list[str]:
    found = await town.of(person.id).get("/shared-entries", limit=200, **query)
    return [one["id"] for one in found["items"]]


async def test_what_two_persons_let_in_is_read_by_the_officer_of_the_place(
    town: Town, key: ECKey
) -> None:
    answer = await submit(town, key)
    assert answer.status_code == 201, answer.text
    path = f"/shared-batches/{answer.json()['id']}"
    shown = await town.of(TOWN_CENTRE.id).get(path)
    assert (shown["status"], shown["count"]) == ("submitted", 2)
    told = json.dumps(shown)
    assert not [word for word in ("Han Mei", "released_prisoner", "resettle") if word in told]
    first, second = await entries_of(town, answer.json()["id"])
    assert (await read(town, first)).status_code == 404, "before it is approved"
    assert first not in await listed(town, OFFICER)
    assert (await town.of(TOWN_CENTRE.id).post(f"{path}/approve")).status_code == 200
    told = (await read(town, second)).json()
    assert (told["name"], told["born"], told["cell"]) == ("Li Lei", "1990-02-03", CELL)
    assert told["statement"] == SAYS
    assert {first, second} <= set(await listed(town, OFFICER))


async def test_the_same_batch_again_changes_nothing(town: Town, key: ECKey) -> None:
    body, officer = batch(), town.of(OFFICER.id)
    first = await officer.post("/shared-batches", signed(key, body))
    again = await officer.post("/shared-batches", signed(key, body))
    assert first.json()["changed"] and not again.json()["changed"]
    assert first.json()["id"] == again.json()["id"]
    query = "SELECT version FROM shared_batch WHERE state ->> 'document' = $1"
    async with session(town.settings.url("registry", "writer")) as writer:
        assert [row["version"] for row in await writer.fetch(query, body["document"])] == [1]


async def test_who_submitted_it_does_not_approve_it(town: Town, key: ECKey) -> None:
    answer = await town.post("/shared-batches", signed(key, batch()))
    path = f"/shared-batches/{answer.json()['id']}"
    for step, body in (("approve", None), ("reject", {"reason": "unclear"})):
        refused = await town.post(f"{path}/{step}", body)
        assert refused.status_code == 409, refused.text
        assert refused.json()["code"] == "second_person_required"
    assert (await town.of(OFFICER.id).post(f"{path}/approve")).status_code == 404
    assert (await town.of(TOWN_CENTRE.id).post(f"{path}/approve")).status_code == 200
    again = await town.of(TOWN_CENTRE.id).post(f"{path}/approve")
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")


async def test_of_what_was_rejected_nothing_can_be_read_again(town: Town, key: ECKey) -> None:
    id = (await submit(town, key)).json()["id"]
    centre = town.of(TOWN_CENTRE.id)
    entries = await entries_of(town, id)
    rejected = await centre.post(f"/shared-batches/{id}/reject", {"reason": "unclear"})
    assert rejected.status_code == 200, rejected.text
    assert (await category(town, id)).status_code == 404, "at once"
    await eventually(partial(keys_of, town, [id, *entries]), lambda found: not found)


async def category(
    town: Town, id: str, person: Person = TOWN_CENTRE, purpose: str = "share", case: str = ""
) -> httpx.Response:
    told = {"Civicgrid-Purpose": purpose, "Civicgrid-Case": case or id}
    return await town.of(person.id).client.get(f"/shared-batches/{id}/category", headers=told)


async def keys_of(town: Town, subjects: list[str]) -> list[UUID]:
    """Those that still exist."""
    pool = await asyncpg.create_pool(town.settings.url("keys", "writer"), min_size=1, max_size=1)
    try:
        return list(await Keys(pool).get(map(UUID, subjects)))
    finally:
        await pool.close()


@pytest.mark.parametrize(
    ("purpose", "case", "status"),
    [
        *(("road_safety", "", 404), ("handle_leads", "", 404), ("curiosity", "", 422)),
        *(("resettle", str(UUID(int=7)), 404), ("resettle", "this one", 422)),
    ],
)
async def test_who_does_not_say_what_for_reads_nothing(
    town: Town, key: ECKey, purpose: str, case: str, status: int
) -> None:
    first, _ = await admitted(town, key)
    assert (await read(town, first, purpose=purpose, case=case)).status_code == status


async def test_for_others_there_is_nothing(town: Town, key: ECKey) -> None:
    """Not even that they may not ask is told to them (rows P4, R15)."""
    first, _ = await admitted(town, key)
    nothing = (await town.client.get(f"/areas/{uuid4()}")).json()
    for person in (INFORMANT, HEAD, ELSEWHERE, TOWN_CENTRE):
        answer = await read(town, first, person)
        assert answer.status_code == 404 and answer.json() == nothing, str(person)
    for person in (INFORMANT, HEAD):
        for path in ("/shared-entries", "/shared-batches", f"/shared-batches/{first}"):
            answer = await town.of(person.id).client.get(path)
            assert answer.status_code == 404 and answer.json() == nothing, f"{person}: {path}"
    assert first not in await listed(town, ELSEWHERE)
    commander = await town.get("/shared-entries")
    assert commander["items"] == [], "a list of the whole city needs a break-glass grant"


async def test_a_list_is_not_of_a_category(town: Town, key: ECKey) -> None:
    await admitted(town, key)
    answer = await town.of(OFFICER.id).client.get("/shared-entries?category=released_prisoner")
    assert answer.status_code == 422
    text = json.dumps(await town.of(OFFICER.id).get("/shared-entries", limit=200))
    assert "released_prisoner" not in text and "resettle" not in text


async def test_every_view_leaves_a_row(town: Town, key: ECKey) -> None:
    first, _ = await admitted(town, key)
    told = {"Civicgrid_Purpose": "resettle", "Civicgrid_Case": first}
    path = f"/shared-entries/{first}"
    answer, correlation = await asked(town.of(OFFICER.id), "GET", path, **told)
    assert answer.status_code == 200
    (row,) = await rows(town, "registry", correlation)
    assert (row["purpose"], row["case_id"], row["outcome"]) == ("resettle", UUID(first), "done")
    assert {"name", "statement"} <= set(row["fields"])
    answer, correlation = await asked(town.of(INFORMANT.id), "GET", path, **told)
    (row,) = await rows(town, "registry", correlation)
    assert (answer.status_code, row["outcome"]) == (404, "denied")


async def test_what_is_withdrawn_is_gone_at_once(town: Town, key: ECKey) -> None:
    first, second = await admitted(town, key)
    officer = town.of(OFFICER.id)
    gone = await officer.post(f"/shared-entries/{first}/withdraw", {"reason": "no_longer_needed"})
    assert gone.status_code == 200, gone.text
    assert (await read(town, first)).status_code == 404
    assert (await read(town, second)).status_code == 200
    await eventually(partial(keys_of, town, [first]), lambda found: not found)
    again = await officer.post(f"/shared-entries/{first}/withdraw", {"reason": "no_longer_needed"})
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")


async def test_when_its_time_is_over_it_is_hidden_then_gone(town: Town, key: ECKey) -> None:
    """A month passes by a change of the database alone."""
    soon = datetime.now(UTC) + timedelta(seconds=3)
    first, second = await admitted(town, key, expires_at=soon.isoformat())
    assert (await read(town, first)).status_code == 200
    await eventually(partial(read, town, first), lambda answer: answer.status_code == 404)
    assert first not in await listed(town, OFFICER)
    await swept(town, "registry", SWEEPS)
    assert {first, second} <= set(await listed(town, OFFICER, status="expired"))
    await happened(town, second, delete_at=datetime.now(UTC) - timedelta(hours=1))
    await swept(town, "registry", SWEEPS)
    assert second not in await listed(town, OFFICER, status="expired")
    await eventually(partial(keys_of, town, [second]), lambda found: not found)
    assert await keys_of(town, [first])


async def happened(town: Town, id: str, **times: datetime) -> None:
    told = json.dumps({name: at.isoformat().replace("+00:00", "Z") for name, at in times.items()})
    change = "UPDATE shared_entry SET state = state || $2::jsonb WHERE id = $1"
    async with session(town.settings.url("registry", "writer")) as writer:
        assert await writer.execute(change, UUID(id), told) == "UPDATE 1"


async def test_it_is_retained_once_and_for_no_longer_than_at_first(town: Town, key: ECKey) -> None:
    first, _ = await admitted(town, key)
    officer, path = town.of(OFFICER.id), f"/shared-entries/{first}/retain"
    later = (datetime.now(UTC) + timedelta(days=100)).isoformat()
    much_later = (datetime.now(UTC) + timedelta(days=130)).isoformat()
    refused = await officer.post(path, {"until": much_later, "reason": "still_needed"})
    assert (refused.status_code, refused.json()["path"]) == (422, "/until")
    assert (await officer.post(path, {"until": later})).status_code == 422, "no reason"
    kept = await officer.post(path, {"until": later, "reason": "still_needed"})
    assert kept.status_code == 200, kept.text
    again = await officer.post(path, {"until": later, "reason": "still_needed"})
    assert (again.status_code, again.json()["code"]) == (409, "kept_before")
