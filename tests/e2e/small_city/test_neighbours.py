"""A lead near a border, as the police of the other community see it: masked, while it is open, and
the same wherever they see it (row P18)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from libs.common.database import session
from libs.common.http.desk import SET_SCOPE
from libs.common.ids import uuid7
from services.leads import main
from tests.e2e.small_city.plan import AROUND, CELL, COMMUNITY, Person, beside, middle
from tests.e2e.small_city.test_audit import asked, rows
from tests.e2e.small_city.test_content import OFFICER, holder
from tests.support.awaiting import eventually
from tests.support.town import Town

LON, LAT = middle(CELL)
POINT = {"longitude": round(LON + 0.000123, 6), "latitude": round(LAT - 0.000321, 6)}
"""Not the middle, and so near that the circle crosses the same communities."""
CONTENT = {"text": "seen behind the mill", "reporter": {"name": "Li Lei", "phone": "19900000001"}}
MASKED = [
    *("bounced", "cancelled", "channel", "closed_at", "due_at", "explanation", "imported"),
    *("outcome", "police_room", "routings", "sign_by", "source", "source_number", "unit"),
]


def officer(area: str) -> Person:
    return holder(lambda one: one.role == "community_officer" and one.area == area)


BESIDE = officer(min(beside(AROUND)))
FAR = holder(
    lambda one: one.role == "community_officer" and one.area not in {COMMUNITY, *beside(AROUND)}
)


async def near(town: Town, **more: Any) -> str:
    """Captured where it may be of either community; it is put into the one that its point is in."""
    id = str(uuid7())
    body = {"id": id, "lead_type": "theft", "accuracy_m": AROUND, **POINT, **CONTENT, **more}
    answer = await town.post("/leads", body)
    assert (answer.status_code, answer.json()["cell"]) == (201, CELL), answer.text
    return id


async def imported(town: Town, number: str) -> str:
    told = {"source": "elsewhere", "source_number": number, "received_at": "2026-03-01T09:00:00Z"}
    body = {"lead_type": "theft", "accuracy_m": AROUND, **POINT, **told}
    (item,) = (await town.post("/leads/import", {"items": [body]})).json()["items"]
    return str(item["id"])


async def listed(town: Town, person: Person, **query: Any) -> dict[str, dict[str, Any]]:
    """What such a list shows them, by id."""
    found: dict[str, dict[str, Any]] = {}
    after = str(UUID(int=0))
    while after:
        page = await town.of(person.id).get("/leads", limit=200, after=after, **query)
        found |= {one["id"]: one for one in page["items"]}
        after = page["next"]
    return found


async def test_police_beside_the_border_see_it_masked_and_in_the_middle_of_its_cell(
    town: Town,
) -> None:
    # given a lead with a point, a text and a reporter, near a border
    id = await near(town)
    full = await town.of(OFFICER.id).get(f"/leads/{id}")
    # when the officer of the other community looks at it
    answer = await town.of(BESIDE.id).client.get(f"/leads/{id}")
    # then there is what tells whether it may be theirs, and what is not shown is named
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    same = ("version", "status", "community", "cell", "lead_type", "kind", "urgency", "received_at")
    assert shown == {
        **{name: full[name] for name in ("id", *same)},
        "point": [round(LON, 6), round(LAT, 6)],
        "masked": MASKED,
    }
    assert full["cell"] == CELL and full["unit"] == f"police_room-{COMMUNITY}"
    assert answer.headers["ETag"] == f'"{full["version"]}"'
    exact = (*map(str, POINT.values()), "mill", "Li Lei", "19900000001", full["unit"])
    assert not [value for value in exact if value in answer.text]


async def test_the_masked_form_is_the_same_in_a_list(town: Town) -> None:
    id = await near(town)
    found = await listed(town, BESIDE, neighbours=True)
    assert found[id] == await town.of(BESIDE.id).get(f"/leads/{id}")


async def test_leads_of_neighbours_are_in_no_list_that_does_not_ask_for_them(town: Town) -> None:
    id = await near(town)
    assert id not in await listed(town, BESIDE)
    assert id not in await listed(town, BESIDE, community=COMMUNITY)
    # nor in that of neighbours for those who see it as it is, or not at all
    assert id in await listed(town, OFFICER)
    for person in (OFFICER, FAR):
        assert id not in await listed(town, person, neighbours=True), str(person)


async def test_who_is_not_beside_this_border_finds_nothing(town: Town) -> None:
    id, inside = await near(town), str(uuid7())
    await town.post("/leads", {"id": inside, "lead_type": "theft", "cell": CELL})
    for person, lead in ((FAR, id), (BESIDE, inside)):
        answer = await town.of(person.id).client.get(f"/leads/{lead}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), str(person)
    assert inside not in await listed(town, BESIDE, neighbours=True)


async def test_a_lead_that_may_be_theirs_is_found_by_what_is_shown_of_it(town: Town) -> None:
    id = await near(town)
    assert id in await listed(town, BESIDE, neighbours=True, community=COMMUNITY, status="routed")
    assert id not in await listed(town, BESIDE, neighbours=True, status="signed")
    assert id not in await listed(town, BESIDE, neighbours=True, community=BESIDE.area)


async def test_by_what_is_masked_nothing_is_looked_for(town: Town) -> None:
    # given a lead with a number elsewhere
    number = uuid4().hex[:12]
    id = await imported(town, number)
    them = town.of(BESIDE.id).client
    hidden = {"source_number": number, "unit": f"police_room-{COMMUNITY}"}
    # when a neighbour asks for it by all that is masked, then each is named, whatever it says
    answer = await them.get("/leads", params={"neighbours": True, **hidden})
    told = answer.json()
    assert (answer.status_code, told["code"]) == (422, "masked_field")
    assert [one["path"] for one in told["errors"]] == ["/unit", "/source_number"]
    for name in hidden:
        for value in (hidden[name], "nobody-has-this"):
            answer = await them.get("/leads", params={"neighbours": "true", name: value})
            assert (answer.status_code, answer.json()["code"]) == (422, "masked_field")
    # when they leave out that it is of neighbours, then there is nothing to be found
    for name, value in hidden.items():
        assert await listed(town, BESIDE, **{name: value}) == {}
    # while who has it finds it by its number (row L29)
    assert set(await listed(town, OFFICER, source_number=number)) == {id}


async def test_nothing_is_sorted_by_anything(town: Town) -> None:
    params = {"neighbours": "true", "sort": "unit"}
    answer = await town.of(BESIDE.id).client.get("/leads", params=params)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "/sort")


async def test_what_else_there_is_of_it_is_not_there_for_neighbours(town: Town) -> None:
    id = await near(town)
    them = town.of(BESIDE.id)
    for part in ("routing", "timeline", "content"):
        told = {"Civicgrid-Purpose": "handle_leads", "Civicgrid-Case": id}
        answer = await them.client.get(f"/leads/{id}/{part}", headers=told)
        assert answer.status_code == 404, part
    for step, body in (
        *(("sign", None), ("accept", None)),
        *(("return", {"reason": "not_ours"}), ("feed-back", {"outcome": "settled"})),
    ):
        assert (await them.post(f"/leads/{id}/{step}", body)).status_code == 404, step


async def test_once_it_is_closed_neighbours_see_it_no_more(town: Town) -> None:
    id = await near(town)
    steps: tuple[tuple[str, Any], ...] = (
        *(("sign", None), ("accept", None), ("feed-back", {"outcome": "settled"})),
        *(("verify", None), ("close", None)),
    )
    for step, body in steps:
        seen = await town.of(BESIDE.id).client.get(f"/leads/{id}")
        assert seen.status_code == 200, f"before {step}"
        assert (await town.post(f"/leads/{id}/{step}", body)).status_code == 200, step
    assert (await town.of(BESIDE.id).client.get(f"/leads/{id}")).status_code == 404
    assert id not in await listed(town, BESIDE, neighbours=True)
    # and whose it might have been is noted no more
    noted = "SELECT FROM lead_candidate WHERE lead_id = $1"
    async with session(town.settings.url("leads", "writer")) as writer:
        assert await writer.fetch(noted, UUID(id)) == []


async def test_a_look_at_what_is_masked_leaves_a_row_that_says_what_was_shown(town: Town) -> None:
    id = await near(town)
    for path in (f"/leads/{id}", "/leads?neighbours=true&limit=200"):
        answer, correlation = await asked(town.of(BESIDE.id), "GET", path)
        (row,) = await rows(town, "leads", correlation)
        assert (answer.status_code, row["outcome"]) == (200, "done")
        assert {"cell", "point", "masked"} <= set(row["fields"])
        assert not set(row["fields"]) & set(MASKED)
        assert row["acting_for"] == [f"community_officer-{BESIDE.area}-1"]
        assert UUID(id) in row["ids"] or answer.json()["next"]
    params = "/leads?neighbours=true&unit=x"
    _, correlation = await asked(town.of(BESIDE.id), "GET", params)
    (row,) = await rows(town, "leads", correlation)
    assert (row["outcome"], row["code"]) == ("refused", "masked_field")


async def test_who_has_posts_on_both_sides_sees_it_as_it_is(town: Town) -> None:
    # given one person with a post in either community
    person = Person(uuid4(), "auxiliary_officer", COMMUNITY, None)
    for area in (COMMUNITY, BESIDE.area):
        post = {"code": f"border-{area}", "role": person.role, "area": area}
        await town.load([("/posts/batch", [post | {"organisation": f"police_room-{area}"}])])
        held = {"post": f"border-{area}", "person_ref": str(person.id)}
        await town.load([("/appointments/batch", [held])])
    await town.spread()
    id = await near(town)
    # when they look, then nothing is masked, and it is in one list
    seen = await eventually(
        partial(town.of(person.id).client.get, f"/leads/{id}"),
        lambda answer: "unit" in answer.json(),
    )
    assert seen.json() == await town.of(OFFICER.id).get(f"/leads/{id}")
    assert id in await listed(town, person)
    assert id not in await listed(town, person, neighbours=True)


@pytest.fixture
async def reader(town: Town) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(town.settings.url("leads", "reader"))
    yield connection
    await connection.close()


SCOPE = json.dumps({"neighbour": [BESIDE.area]})


async def test_a_scope_of_neighbours_opens_the_view_and_no_table(town: Town, reader: Any) -> None:
    id = UUID(await near(town))
    async with reader.transaction():
        await reader.execute(SET_SCOPE, SCOPE)
        assert id in {row["id"] for row in await reader.fetch("SELECT id FROM neighbour_lead")}
        for table in ("lead", "lead_candidate", "event", "supervision", "retention_review"):
            assert await reader.fetchval(f"SELECT count(*) FROM {table}") == 0, table


@pytest.mark.parametrize("field", ["state", "unit", "source_number", "key", "changed_at"])
async def test_what_is_masked_the_view_does_not_have(town: Town, reader: Any, field: str) -> None:
    with pytest.raises(asyncpg.UndefinedColumnError):
        async with reader.transaction():
            await reader.execute(SET_SCOPE, SCOPE)
            await reader.fetch(f"SELECT {field} FROM neighbour_lead")


async def test_no_condition_is_tried_on_leads_that_are_not_seen(town: Town, reader: Any) -> None:
    """One that fails on any row would tell that there is one."""
    await near(town)
    failing = "SELECT count(*) FROM neighbour_lead WHERE 1 / (version * 0) = 1"
    async with reader.transaction():
        await reader.execute(SET_SCOPE, json.dumps({"neighbour": [FAR.area]}))
        assert await reader.fetchval(failing) == 0
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with reader.transaction():
            await reader.execute(SET_SCOPE, SCOPE)
            await reader.fetchval(failing)


@pytest.mark.parametrize("change", ["UPDATE neighbour_lead SET version = 1", "DELETE FROM {}"])
async def test_nothing_is_changed_through_the_view(town: Town, reader: Any, change: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reader.execute(change.format("neighbour_lead"))


async def test_leads_that_were_open_before_are_seen_too(town: Town) -> None:
    # given a lead of which nobody noted whose it may be, as releases before this one did
    id = await near(town)
    file = Path(main.__file__).parent / "migrations" / "007_neighbours.sql"
    noting = file.read_text().rpartition(";\n\n")[2]
    await town.owner("leads", "DELETE FROM lead_candidate WHERE lead_id = $1", UUID(id))
    assert (await town.of(BESIDE.id).client.get(f"/leads/{id}")).status_code == 404
    # when the migration looks through what is open
    await town.owner("leads", noting.replace(";", " ON CONFLICT DO NOTHING;"))
    # then neighbours see it
    assert (await town.of(BESIDE.id).client.get(f"/leads/{id}")).status_code == 200
