"""What was told of a lead, and by whom: shown to those who handle it, who say what for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest

from libs.common.ids import uuid7
from libs.privacy.register import registered
from libs.rights import guard
from tests.e2e.small_city.plan import COMMUNITY, Person, persons_of_the_plan
from tests.e2e.small_city.test_audit import asked, rows
from tests.e2e.small_city.test_erasure import captured, erase
from tests.support.town import Town

CONTENT = {"text": "what was seen", "reporter": {"name": "Li Lei"}}


def holder(wanted: Callable[[Person], bool]) -> Person:
    return next(filter(wanted, persons_of_the_plan()))


OFFICER = holder(lambda one: one.role == "community_officer" and one.area == COMMUNITY)
ELSEWHERE = holder(lambda one: one.role == "community_officer" and one.area != COMMUNITY)
INFORMANT = holder(lambda one: one.role == "grid_informant")


async def read(
    town: Town, lead: str, told: Mapping[str, str] = {}, person: Person = OFFICER
) -> tuple[httpx.Response, dict[str, Any]]:
    """The answer, and its row of audit. `told`: headers, besides those that are right or in their
    place; one that is empty is left out."""
    headers = {"Civicgrid_Purpose": "handle_leads", "Civicgrid_Case": lead, **told}
    given = {name: value for name, value in headers.items() if value}
    answer, correlation = await asked(town.of(person.id), "GET", f"/leads/{lead}/content", **given)
    (row,) = await rows(town, "leads", correlation)
    return answer, row


async def test_an_officer_who_says_what_for_reads_what_was_told(town: Town) -> None:
    lead = await captured(town)
    answer, row = await read(town, lead)
    assert answer.json() == {"id": lead, **CONTENT}
    assert answer.headers["cache-control"] == "no-store"
    assert (row["purpose"], row["case_id"], row["outcome"]) == ("handle_leads", UUID(lead), "done")
    assert row["fields"] == ["id", "text", "reporter"] and row["ids"] == [UUID(lead)]


async def test_once_the_assessment_is_over_nothing_is_read(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor by a service that began while it held (row P15)."""
    if town.running["leads"] is None:
        pytest.skip("the register of services elsewhere is not ours")
    lead = await captured(town)
    known = registered()
    over = known.assessments["leads_2026"].model_copy(update={"until": date(2026, 3, 2)})
    changed = {"assessments": {**known.assessments, "leads_2026": over}}
    monkeypatch.setattr(guard, "registered", lambda: known.model_copy(update=changed))
    answer, row = await read(town, lead)
    told = (answer.status_code, answer.json()["code"], answer.json()["path"])
    assert told == (422, "assessment_required", "/purpose")
    assert (row["outcome"], row["code"]) == ("refused", "assessment_required")
    assert str(CONTENT["text"]) not in answer.text
    monkeypatch.undo()
    assert (await read(town, lead))[0].status_code == 200


async def test_of_a_child_who_reports_only_who_answers_for_them_is_kept(town: Town) -> None:
    """Row P19: that it was a child is not told on."""
    guardian = {"name": "Li Lei", "phone": "19900000001"}
    child = {"under_14": True, "guardian": guardian}
    for reporter, status, code in (
        ({"under_14": True}, 409, "guardian_required"),
        ({"under_14": True, "name": "Xiao Ming"}, 409, "guardian_required"),
        ({**child, "name": "Xiao Ming"}, 422, "not_of_a_child"),
        ({**child, "phone": "19900000002"}, 422, "not_of_a_child"),
        ({"guardian": guardian}, 422, "invalid"),
        ({**child, "guardian": {"name": ""}}, 422, "invalid"),
    ):
        body = {"lead_type": "theft", "reporter": reporter}
        refused = await town.post("/leads", body)
        assert (refused.status_code, refused.json()["code"]) == (status, code), reporter
    lead = await captured(town, reporter=child)
    answer, _ = await read(town, lead)
    assert answer.json()["reporter"] == {"guardian": guardian}
    query = "SELECT data::text FROM event WHERE stream_id = $1"
    for event in await town.rows("leads", query, UUID(lead)):
        assert "guardian" not in event["data"] and "under_14" not in event["data"]
    await erase(town, lead, "reporter")
    answer, _ = await read(town, lead)
    assert "reporter" not in answer.json()


async def test_why_a_person_chose_its_unit_is_content_too(town: Town) -> None:
    """What they said is words of theirs, and may be about somebody."""
    lead = await captured(town)
    room = (await town.get(f"/leads/{lead}"))["police_room"]
    await town.post(f"/leads/{lead}/return", {"reason": "not_ours"})
    chosen = {"unit": room, "reason": "they know the family"}
    routed = await town.post(f"/leads/{lead}/route", chosen)
    assert routed.status_code == 200, routed.text
    assert chosen["reason"] not in (await town.client.get(f"/leads/{lead}/routing")).text
    answer, row = await read(town, lead)
    assert answer.json()["note"] == chosen["reason"]
    assert "note" in row["fields"]
    await erase(town, lead)
    answer, _ = await read(town, lead)
    assert answer.json() == {"id": lead}


@pytest.mark.parametrize(
    ("told", "status", "path"),
    [
        ({"Civicgrid_Purpose": ""}, 422, "/purpose"),
        ({"Civicgrid_Purpose": "curiosity"}, 422, "/purpose"),
        ({"Civicgrid_Purpose": "assess_offices"}, 404, None),
        ({"Civicgrid_Case": ""}, 422, "/case"),
        ({"Civicgrid_Case": "this one"}, 422, "/case"),
        ({"Civicgrid_Case": str(uuid7())}, 404, None),
    ],
)
async def test_who_does_not_say_what_for_reads_nothing(
    town: Town, told: dict[str, str], status: int, path: str | None
) -> None:
    answer, row = await read(town, await captured(town), told)
    assert (answer.status_code, answer.json().get("path")) == (status, path)
    assert row["outcome"] == ("denied" if status == 404 else "refused")
    assert row["fields"] == []


async def test_the_case_of_another_lead_opens_nothing(town: Town) -> None:
    lead, other = await captured(town), await captured(town)
    answer, _ = await read(town, lead, {"Civicgrid_Case": other})
    assert answer.status_code == 404


async def test_of_a_lead_that_has_ended_nothing_is_told_any_more(town: Town) -> None:
    lead = await captured(town)
    for step in ("sign", "accept"):
        await town.post(f"/leads/{lead}/{step}")
    await town.post(f"/leads/{lead}/feed-back", {"outcome": "settled"})
    await town.post(f"/leads/{lead}/verify")
    assert (await read(town, lead))[0].status_code == 200
    closed = await town.post(f"/leads/{lead}/close")
    assert closed.status_code == 200, closed.text
    assert (await read(town, lead))[0].status_code == 404


async def test_others_read_nothing(town: Town) -> None:
    lead = await captured(town)
    assert (await read(town, lead, person=ELSEWHERE))[0].status_code == 404
    assert (await read(town, lead, person=INFORMANT))[0].status_code == 403


async def test_what_was_erased_is_not_told(town: Town) -> None:
    lead = await captured(town)
    await erase(town, lead, "reporter")
    assert (await read(town, lead))[0].json() == {"id": lead, "text": "what was seen"}
    await erase(town, lead)
    assert (await read(town, lead))[0].json() == {"id": lead}
