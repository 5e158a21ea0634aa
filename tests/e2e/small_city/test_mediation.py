"""A dispute opens a case; what becomes of the case comes back to the lead."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from libs.common.ids import uuid7
from tests.e2e.small_city.test_leads import first_cell
from tests.support.awaiting import eventually
from tests.support.town import Town


async def opened(town: Town) -> tuple[str, dict[str, Any]]:
    """A quarrel, and the case that it became."""
    id = str(uuid7())
    cell = (await first_cell(town))["code"]
    await town.post("/leads", {"id": id, "lead_type": "neighbour_quarrel", "cell": cell})
    return id, (await eventually(partial(cases_of, town, id), bool))[0]


async def cases_of(town: Town, id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await town.get("/mediation-cases", lead_id=id))["items"]
    return found


async def status_of(town: Town, path: str) -> str:
    return str((await town.get(path))["status"])


async def test_the_community_officer_directs_the_case_and_its_end_feeds_the_lead_back(
    town: Town,
) -> None:
    lead, case = await opened(town)
    cell = await first_cell(town)
    officer = [
        post["person_ref"]
        for post in (await town.get("/posts", area=cell["community"]))["items"]
        if post["role"] == "community_officer"
    ]
    assert [case["director"]] == officer
    centres = {one["code"]: one for one in (await town.get("/mediation-centres"))["items"]}
    assert centres[case["centre"]]["director_ref"] == case["director"]
    panel = {"mediators": [str(uuid7())], "consents": [str(uuid7()), str(uuid7())]}
    for step, body in (
        ("accept", {"grade": "simple"}),
        ("form-panel", panel),
        ("hold-session", {"minutes": 50}),
        ("agree", None),
        ("record-performance", None),
        ("close", None),
    ):
        answer = await town.post(f"/mediation-cases/{case['id']}/{step}", body)
        assert answer.status_code == 200, (step, answer.text)
    await eventually(partial(status_of, town, f"/leads/{lead}"), "fed_back".__eq__)
    assert (await town.get(f"/leads/{lead}"))["outcome"] == "performed"


async def test_a_declined_case_comes_back_as_a_return(town: Town) -> None:
    lead, case = await opened(town)
    await town.post(f"/mediation-cases/{case['id']}/decline", {"reason": "not_voluntary"})
    await eventually(partial(status_of, town, f"/leads/{lead}"), "unrouted".__eq__)
    assert lead in [one["id"] for one in (await town.get("/unrouted-leads"))["items"]]


async def test_no_panel_without_the_consent_of_both_sides(town: Town) -> None:
    _, case = await opened(town)
    path = f"/mediation-cases/{case['id']}"
    early = await town.post(f"{path}/form-panel", {"mediators": [str(uuid7())], "consents": []})
    assert early.json()["allowed"] == ["accept", "decline", "withdraw"]
    await town.post(f"{path}/accept", {"grade": "simple"})
    one = {"mediators": [str(uuid7())], "consents": [str(uuid7())]}
    assert (await town.post(f"{path}/form-panel", one)).json()["code"] == "consent_missing"
    own = {"mediators": one["consents"], "consents": [*one["consents"], str(uuid7())]}
    assert (await town.post(f"{path}/form-panel", own)).json()["code"] == "conflict_of_interest"


async def test_for_a_child_somebody_acts_who_has_no_part_in_it(town: Town) -> None:
    _, case = await opened(town)
    path = f"/mediation-cases/{case['id']}"
    await town.post(f"{path}/accept", {"grade": "simple"})
    child, other, mediator, guardian = (str(uuid7()) for _ in range(4))
    panel = {"mediators": [mediator], "consents": [child, other]}
    for one, status, code, where in (
        ({"party": child}, 409, "guardian_required", "guardian"),
        ({"party": child, "guardian": other}, 409, "guardian_concerned", "guardian"),
        ({"party": child, "guardian": child}, 409, "guardian_concerned", "guardian"),
        ({"party": child, "guardian": mediator}, 409, "guardian_concerned", "guardian"),
        ({"party": guardian, "guardian": guardian}, 422, "no_party", "party"),
    ):
        answer = await town.post(f"{path}/form-panel", {**panel, "children": [one]})
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (status, code), one
        assert problem["path"] == f"/children/0/{where}"
    acted = {"party": child, "guardian": guardian}
    formed = await town.post(f"{path}/form-panel", {**panel, "children": [acted]})
    assert formed.status_code == 200, formed.text
    query = "SELECT data::text, sealed FROM event WHERE stream_id = $1"
    for event in await town.rows("mediation", query, UUID(case["id"])):
        assert event["sealed"] is None
        assert not {one for one in (child, guardian, "child") if one in event["data"]}


async def test_a_case_whose_month_is_over_is_overdue_once(town: Town) -> None:
    """The month is let pass by moving the due time of its row."""
    _, case = await opened(town)
    path = f"/mediation-cases/{case['id']}"
    await town.post(f"{path}/accept", {"grade": "hard"})
    await town.owner(
        "mediation", "UPDATE timer SET due_at = now() WHERE id = $1::text::uuid", case["id"]
    )
    await eventually(partial(is_overdue, town, path), bool)
    types = [one["type"] for one in (await town.get(f"{path}/timeline"))["items"]]
    assert types.count("mediation_case.fell_overdue.v1") == 1
    assert (await town.get(path))["status"] == "accepted"


async def is_overdue(town: Town, path: str) -> bool:
    return bool((await town.get(path))["overdue"])
