"""What must not exist comes in under no name that a caller chooses (row P22)."""

from __future__ import annotations

from typing import Any

import pytest

from libs.common.ids import uuid7
from tests.contract.test_forbidden import TERMS
from tests.e2e.small_city.plan import CITY
from tests.e2e.small_city.test_lead_steps import captured
from tests.support.town import Town

REASONS = {
    **dict.fromkeys(("return", "order-rework", "dismiss"), "reason"),
    "feed-back": "outcome",
}
ANY_ID = "01a229b7-cd50-707c-aba0-7f9623b2ce95"
OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    f"/mediation-cases/{ANY_ID}/decline": ("reason", {}),
    f"/mediation-cases/{ANY_ID}/fail": ("reason", {}),
    "/areas": ("code", {"name": "n", "level": "grid_l1", "parent": CITY}),
    "/organisations": ("code", {"name": "n", "kind": "police_room", "area": CITY}),
    "/posts": ("code", {"role": "command_operator", "area": CITY}),
}
OF_PRIVACY: dict[str, tuple[str, dict[str, Any]]] = {
    f"/subject-requests/{ANY_ID}/decide": ("reason", {"granted": False}),
}
REFUSED = "must_not_exist"


async def refused(town: Town, path: str, field: str, body: dict[str, Any]) -> None:
    """Every one of the terms, where that field stands."""
    for term in TERMS:
        answer = await town.post(path, {**body, field: term})
        told = [(one["path"], one["code"]) for one in answer.json()["errors"]]
        assert (answer.status_code, told) == (422, [(f"/{field}", REFUSED)]), (term, answer.text)
        assert term not in answer.text


@pytest.mark.parametrize("step", REASONS)
async def test_no_step_of_a_lead_is_taken_for_such_a_reason(town: Town, step: str) -> None:
    lead = await captured(town)
    await refused(town, f"/leads/{lead['id']}/{step}", REASONS[step], {})
    assert (await town.get(f"/leads/{lead['id']}"))["version"] == lead["version"]


@pytest.mark.parametrize("path", OTHERS)
async def test_nothing_else_is_called_so(town: Town, path: str) -> None:
    await refused(town, path, *OTHERS[path])


@pytest.mark.parametrize("path", OF_PRIVACY)
async def test_no_request_of_a_subject_is_decided_for_it(town: Town, path: str) -> None:
    await refused(town.privacy, path, *OF_PRIVACY[path])


async def test_of_a_batch_only_what_is_called_so_is_refused(town: Town) -> None:
    good = {"lead_type": "theft", "received_at": "2026-01-01T00:00:00Z"}
    good |= {"source": "hotline", "source_number": str(uuid7())}
    items = [good, *({**good, "source": term} for term in TERMS)]
    answer = await town.post("/leads/import", {"items": items})
    first, *rest = answer.json()["items"]
    assert first["status"] < 300
    faults = [one["problem"]["errors"][0] for one in rest]
    assert {(one["path"], one["code"]) for one in faults} == {("/source", REFUSED)}
    assert len(faults) == len(TERMS)


async def test_no_routing_rule_is_called_so(town: Town) -> None:
    rule = {"to": "police_room", "sign_within": {"amount": 1, "unit": "working_day"}}
    answer = await town.post("/routing-rules", {"rules": [{"id": "religion", **rule}]})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["path"], error["code"]) == (422, "/rules", REFUSED)


async def test_it_is_said_in_both_languages(town: Town) -> None:
    lead = await captured(town)
    told = set()
    for language in ("en", "zh"):
        path = f"/leads/{lead['id']}/return"
        answer = await town.post(path, {"reason": "religion"}, Accept_Language=language)
        told.add(answer.json()["errors"][0]["message"])
    assert len(told) == 2 and not any("not valid" in one for one in told)
