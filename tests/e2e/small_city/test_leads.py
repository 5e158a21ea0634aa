"""What callers see of a lead, from capture to closing."""

from __future__ import annotations

from typing import Any

from libs.common.ids import uuid7
from tests.support.town import Town

CELL = "370782001001001"


async def first_cell(town: Town) -> dict[str, Any]:
    found: dict[str, Any] = (await town.get("/areas", level="grid_l3", limit=1))["items"][0]
    return found


async def test_a_theft_goes_to_the_police_room_of_its_community(town: Town) -> None:
    cell = await first_cell(town)
    id = str(uuid7())
    answer = await town.post("/leads", {"id": id, "lead_type": "theft", "cell": cell["code"]})
    assert answer.status_code == 201, answer.text
    told = answer.json()
    rooms = (await town.get("/organisations", kind="police_room", area=cell["community"]))["items"]
    assert told["police_room"] == told["unit"] == rooms[0]["code"]
    assert (told["kind"], told["state"], told["cell"]) == ("clue", "routed", cell["code"])
    routing = await town.get(f"/leads/{id}/routing")
    assert routing["inputs"]["lead_type"] == "theft"
    assert [one["rule"] for one in routing["losing"]] == ["disputes-to-mediation"]


async def test_the_same_lead_again_is_the_same_lead(town: Town) -> None:
    body = {"id": str(uuid7()), "lead_type": "refuse", "cell": (await first_cell(town))["code"]}
    first, again = await town.post("/leads", body), await town.post("/leads", body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = await town.post("/leads", body | {"lead_type": "theft"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
