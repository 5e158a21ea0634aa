"""An alert about a lead reaches those who answer for its cell, once."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from libs.common.ids import uuid7
from tests.e2e.small_city.test_leads import first_cell
from tests.support.awaiting import eventually
from tests.support.town import Town


async def alerts_about(town: Town, id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await town.get("/alerts", about=id))["items"]
    return found


async def level_of(town: Town, id: str) -> int:
    return int((await town.get(f"/alerts/{id}"))["level"])


async def test_everyone_who_answers_for_the_cell_gets_one_receipt(town: Town) -> None:
    cell = await first_cell(town)
    id = str(uuid7())
    await town.post("/leads", {"id": id, "lead_type": "gas_bottle", "cell": cell["code"]})
    found = await eventually(partial(alerts_about, town, id), bool)
    assert [(one["rule"], one["status"]) for one in found] == [("urgent-lead", "unacknowledged")]
    receipts = (await town.get(f"/alerts/{found[0]['id']}/receipts"))["items"]
    holders = []
    for area in (cell["code"], cell["parent"], cell["community"]):
        posts = (await town.get("/posts", area=area))["items"]
        roles = ("grid_informant", "grid_head", "community_officer")
        holders += [post["person_ref"] for post in posts if post["role"] in roles]
    assert sorted(one["person_ref"] for one in receipts) == sorted(holders)
    assert len(holders) == 3


async def test_who_was_told_acknowledges_once_and_others_do_not_see_it(town: Town) -> None:
    id = str(uuid7())
    cell = (await first_cell(town))["code"]
    await town.post("/leads", {"id": id, "lead_type": "theft", "cell": cell})
    alert = (await eventually(partial(alerts_about, town, id), bool))[0]
    path = f"/alerts/{alert['id']}/acknowledge"
    assert (await town.post(path)).status_code == 404
    person = (await town.get(f"/alerts/{alert['id']}/receipts"))["items"][0]["person_ref"]
    told_one = town.of(UUID(person))
    assert (await told_one.post(path)).status_code == 200
    assert (await told_one.post(path)).status_code == 409
    told = (await told_one.get("/notifications", limit=200))["items"]
    assert [one["signed_at"] is None for one in told if one["id"] == alert["id"]] == [False]
    timers = await town.rows("alerts", "SELECT id::text FROM timer WHERE name = 'escalation'")
    assert alert["id"] not in [timer["id"] for timer in timers]


async def test_nobody_acknowledges_so_the_town_then_the_city_are_told(town: Town) -> None:
    """The hours of the ladder are let pass by moving the due time of its row."""
    id = str(uuid7())
    cell = await first_cell(town)
    await town.post("/leads", {"id": id, "lead_type": "fire_risk", "cell": cell["code"]})
    alert = (await eventually(partial(alerts_about, town, id), bool))[0]
    for step in (1, 2):
        await town.owner(
            "alerts", "UPDATE timer SET due_at = now() WHERE id = $1::text::uuid", alert["id"]
        )
        await eventually(partial(level_of, town, alert["id"]), step.__eq__)
    receipts = (await town.get(f"/alerts/{alert['id']}/receipts"))["items"]
    assert sorted(one["level"] for one in receipts) == [0, 0, 0, 1, 2]
