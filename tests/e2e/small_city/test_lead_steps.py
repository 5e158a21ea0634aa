"""The way of a lead through its states, and what happens when a unit does not want it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Any

import pytest

from libs.common.ids import uuid7
from libs.privacy import register
from tests.e2e.small_city.test_leads import first_cell
from tests.support.awaiting import eventually
from tests.support.town import Town

ASSESSED = {"assessment": "leads_2026"}
LIMIT = {"amount": 1, "unit": "working_day"}


async def captured(town: Town, lead_type: str = "theft") -> dict[str, Any]:
    body = {"id": str(uuid7()), "lead_type": lead_type, "cell": (await first_cell(town))["code"]}
    told: dict[str, Any] = (await town.post("/leads", body)).json()
    return told


async def test_a_step_that_the_state_does_not_take_names_those_that_it_takes(town: Town) -> None:
    lead = await captured(town)
    answer = await town.post(f"/leads/{lead['id']}/close")
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")
    assert answer.json()["allowed"] == ["return_lead", "sign_lead"]
    assert (await town.post(f"/leads/{uuid7()}/sign")).status_code == 404


async def test_a_step_on_an_older_version_is_refused(town: Town) -> None:
    lead = await captured(town)
    path = f"/leads/{lead['id']}"
    stale = await town.post(f"{path}/sign", If_Match=f'"{lead["version"] - 1}"')
    assert stale.status_code == 412
    assert (await town.post(f"{path}/sign", If_Match=f'"{lead["version"]}"')).status_code == 200


async def test_a_first_return_is_routed_past_the_unit_and_a_second_is_arbitrated(
    town: Town,
) -> None:
    lead = await captured(town, "refuse")
    path = f"/leads/{lead['id']}"
    assert (await town.post(f"{path}/return", {})).status_code == 422
    await town.post(f"{path}/return", {"reason": "not_ours"})
    assert (await town.get(path))["status"] == "unrouted"  # no second station above the community
    rooms = [one["code"] for one in (await town.get("/organisations", kind="police_room"))["items"]]
    other = next(code for code in rooms if code != lead["police_room"])
    elsewhere = {"unit": other, "reason": "they know the place"}
    assert (await town.post(f"{path}/route", elsewhere)).json()["code"] == "unit_elsewhere"
    unit = {"unit": lead["police_room"], "reason": "they know the place"}
    assert (await town.post(f"{path}/route", unit)).status_code == 200
    await town.post(f"{path}/return", {"reason": "not_ours"})
    assert (await town.get(path))["status"] == "arbitration"
    await town.post(f"{path}/arbitrate", unit)
    barred = await town.post(f"{path}/return", {"reason": "not_ours"})
    assert (barred.status_code, barred.json()["allowed"]) == (409, ["sign_lead"])


async def test_no_place_and_a_point_outside_wait_in_the_queue(town: Town) -> None:
    nowhere = (await town.post("/leads", {"id": str(uuid7()), "lead_type": "theft"})).json()
    point = {"longitude": 0.0, "latitude": 0.0}
    body = {"id": str(uuid7()), "lead_type": "theft", **point}
    outside = (await town.post("/leads", body)).json()
    assert nowhere["state"] == outside["state"] == "unrouted"
    queue = {one["id"]: one for one in (await town.get("/unrouted-leads", limit=200))["items"]}
    assert queue[outside["id"]]["unit"] == "command_centre-370782"
    assert nowhere["id"] in queue


async def test_bad_input_gets_a_clear_error(town: Town) -> None:
    unknown = await town.post("/leads", {"lead_type": "unheard_of"})
    assert (unknown.status_code, unknown.json()["path"]) == (422, "/lead_type")
    cell = await town.post("/leads", {"lead_type": "theft", "cell": "nowhere"})
    assert (cell.status_code, cell.json()["code"]) == (422, "unknown_area")
    long = await town.post("/leads", {"lead_type": "theft", "text": "x" * 4001})
    assert (long.status_code, long.json()["errors"][0]["path"]) == (422, "/text")
    more = await town.post("/leads", {"lead_type": "theft", "colour": "red"})
    assert more.status_code == 422
    chinese = await town.post("/leads", {"lead_type": "nie"}, Accept_Language="zh-CN")
    assert chinese.json()["detail"].startswith("没有该线索类型。现有：theft, ")


async def test_a_batch_answers_each_by_itself(town: Town) -> None:
    good = {"id": str(uuid7()), "lead_type": "theft"}
    bad = {"id": str(uuid7()), "lead_type": "unheard_of"}
    odd = {"id": str(uuid7()), "lead_type": "theft", "longitude": 200, "latitude": 1}
    sent = {"items": [good, bad, good, odd, "nothing"]}
    items = (await town.post("/leads/batch", sent)).json()["items"]
    assert [one["status"] for one in items] == [201, 422, 200, 422, 422]
    (fault,) = items[3]["problem"]["errors"]
    assert (fault["path"], fault["code"]) == ("/longitude", "less_than_equal")
    assert fault["message"] == "数值过大，最大为 180。"
    full = [{"id": str(uuid7()), "lead_type": "theft"} for _ in range(501)]
    assert (await town.post("/leads/batch", {"items": full})).status_code == 422


async def test_a_unit_that_does_not_sign_gets_each_card_once(town: Town) -> None:
    """Its limit is let pass by moving the due time of the row."""
    lead = await captured(town)
    for count in (1, 2, 3):
        await town.owner(
            "leads", "UPDATE timer SET due_at = now() WHERE id = $1::text::uuid", lead["id"]
        )
        await eventually(partial(count_of_cards, town, lead["id"]), count.__eq__)
    assert await cards(town, lead["id"]) == ["normal", "red", "yellow"]
    left = "SELECT count(*) FROM timer WHERE id = $1::text::uuid"
    assert (await town.rows("leads", left, lead["id"]))[0]["count"] == 0
    found = (await town.get("/supervisions", unit=lead["unit"], limit=200))["items"]
    assert len([one for one in found if one["lead_id"] == lead["id"]]) == 3


async def count_of_cards(town: Town, lead_id: str) -> int:
    return len(await cards(town, lead_id))


async def cards(town: Town, lead_id: str) -> list[str]:
    query = "SELECT state->>'card' AS card FROM supervision WHERE state->>'lead_id' = $1"
    return sorted(row["card"] for row in await town.rows("leads", query, lead_id))


async def test_published_rules_route_from_then_on(town: Town) -> None:
    before = await town.get("/routing-rules")
    rules = [{"id": "all-to-the-town", "to": "town_centre",
              "sign_within": {"amount": 2, "unit": "working_hour"}}]  # fmt: skip
    answer = await town.post("/routing-rules", {"rules": rules, **ASSESSED})
    assert answer.status_code == 201, answer.text
    lead = await captured(town)
    assert lead["unit_kind"] == "town_centre"
    routing = await town.get(f"/leads/{lead['id']}/routing")
    assert routing["rule_set"] == before["version"] + 1
    back = [{name: one[name] for name in one} for one in before["rules"]]
    assert (await town.post("/routing-rules", {"rules": back, **ASSESSED})).status_code == 201
    assert (await captured(town))["unit_kind"] == "police_room"
    twice = await town.post("/routing-rules", {"rules": rules * 2, **ASSESSED})
    assert (twice.status_code, twice.json()["code"]) == (422, "rule_twice")


@pytest.mark.parametrize(
    ("told", "changed"),
    [
        ({}, {}),
        ({"assessment": "leads_1999"}, {}),
        (ASSESSED, {"approved_by": None}),
        (ASSESSED, {"until": date(2026, 4, 1)}),
        (ASSESSED, {"since": date(2028, 12, 1)}),
    ],
    ids=["none", "unknown", "a draft", "over", "not begun"],
)
async def test_no_rules_are_published_without_an_assessment_that_holds(
    town: Town,
    monkeypatch: pytest.MonkeyPatch,
    told: Mapping[str, str],
    changed: Mapping[str, Any],
) -> None:
    if changed and town.running["leads"] is None:
        pytest.skip("the register of services elsewhere is not ours")
    known = register.registered()
    one = known.assessments["leads_2026"].model_copy(update=changed)
    others = {**known.assessments, "leads_2026": one}
    there = known.model_copy(update={"assessments": others})
    monkeypatch.setattr("services.leads.policies.registered", lambda: there)
    before = await town.get("/routing-rules")
    rules = [{"id": "all-to-the-town", "to": "town_centre", "sign_within": LIMIT}]
    answer = await town.post("/routing-rules", {"rules": rules, **told})
    refused = answer.json()
    assert (answer.status_code, refused["code"]) == (422, "assessment_required"), refused
    assert refused["path"] == "/assessment"
    assert await town.get("/routing-rules") == before


async def test_rules_say_by_which_assessment_they_hold(town: Town) -> None:
    before = await town.get("/routing-rules")
    assert before["assessment"] == "leads_2026"
    answer = await town.post("/routing-rules", {"rules": before["rules"], **ASSESSED})
    assert answer.status_code == 201, answer.text
    told = {"version": before["version"] + 1, **ASSESSED}
    published = await town.get(f"/routing-rules/{told['version']}")
    assert {name: published[name] for name in told} == told

    async def in_force() -> Any:
        found = await town.get("/routing-rules")
        return {name: found[name] for name in told}

    await eventually(in_force, told.__eq__)


async def test_a_rule_that_can_never_match_is_refused_with_its_index(town: Town) -> None:
    good = {"id": "good", "to": "police_room", "sign_within": LIMIT}
    for name, code in (("lead_type", "unheard_of"), ("area", "nowhere")):
        rules = [good, good | {"id": "bad", "when": {name: [code]}}]
        answer = await town.post("/routing-rules", {"rules": rules, **ASSESSED})
        assert (answer.status_code, answer.json()["code"]) == (422, "never_matches")
        assert answer.json()["path"] == f"/rules/1/when/{name}"


async def test_history_cannot_lie_in_the_future(town: Town) -> None:
    item = {"source": "s", "source_number": "f", "lead_type": "theft",
            "received_at": "2199-12-31T23:59:59Z"}  # fmt: skip
    answer = (await town.post("/leads/import", {"items": [item]})).json()["items"][0]
    assert (answer["status"], answer["problem"]["code"]) == (422, "in_the_future")


async def test_there_is_one_city(town: Town) -> None:
    answer = await town.post("/areas", {"code": "Y", "name": "Y", "level": "city"})
    assert (answer.status_code, answer.json()["code"]) == (409, "one_city")


async def test_a_change_must_say_of_which_version(town: Town) -> None:
    lead = (await captured(town))["id"]
    blind = await town.post(f"/leads/{lead}/sign", If_Match="")
    assert (blind.status_code, blind.json()["code"]) == (428, "version_required")
    version = (await town.get(f"/leads/{lead}"))["version"]
    assert (await town.post(f"/leads/{lead}/sign", If_Match=f'"{version}"')).status_code == 200
