"""One holder of a post, one office of a kind, whoever else asks in the same moment."""

from __future__ import annotations

from uuid import uuid4

from libs.common.ids import uuid7
from tests.support.town import Town


async def test_of_two_who_are_appointed_to_a_post_at_once_one_is(town: Town) -> None:
    # given a post that nobody holds
    area = (await town.get("/areas", level="grid_l3"))["items"][0]["code"]
    seat = {"code": f"seat-{uuid4().hex[:8]}", "role": "grid_informant", "area": area}
    assert (await town.post("/posts", seat)).status_code == 201
    # when two persons are appointed to it in one batch
    items = [{"id": str(uuid7()), "post": seat["code"], "person_ref": str(uuid4())} for _ in "ab"]
    answer = (await town.post("/appointments/batch", {"items": items})).json()["items"]
    # then the first holds it, and the second is told why not
    assert [one["status"] for one in answer] == [201, 409]
    assert answer[1]["problem"]["code"] == "no_free_seat"
    query = "SELECT person_ref::text FROM city_appointment WHERE post = $1 AND valid_to IS NULL"
    held = await town.rows("registry", query, seat["code"])
    assert [one["person_ref"] for one in held] == [items[0]["person_ref"]]
