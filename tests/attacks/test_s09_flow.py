"""S9: steps are taken in their order, once, by whoever may.

Own approval: `tests/integration/portal/test_sign_in.py`,
`tests/e2e/small_city/test_break_glass.py`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any
from uuid import uuid4

import pytest

from libs.common.ids import uuid7
from tests.e2e.small_city.plan import CELL
from tests.support.town import Town

AT_ONCE = 50
LEAD_STEPS: dict[str, Any] = {
    "accept": None,
    "verify": None,
    "close": None,
    "feed-back": {"outcome": "settled"},
    "order-rework": {"reason": "unfinished"},
}
CASE_STEPS: dict[str, Any] = {
    "agree": None,
    "hold-session": {"minutes": 30},
    "form-panel": {"mediators": [str(uuid4())], "consents": [str(uuid4()), str(uuid4())]},
    "record-performance": None,
    "close": None,
}


async def lead(town: Town) -> str:
    id = str(uuid7())
    answer = await town.post("/leads", {"id": id, "lead_type": "theft", "cell": CELL})
    assert answer.status_code == 201
    return id


@pytest.mark.parametrize("step", LEAD_STEPS)
async def test_no_step_of_a_lead_is_skipped(town: Town, step: str) -> None:
    id = await lead(town)
    answer = await town.post(f"/leads/{id}/{step}", LEAD_STEPS[step])
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")
    assert (await town.get(f"/leads/{id}"))["status"] == "routed"


@pytest.mark.parametrize("step", CASE_STEPS)
async def test_no_step_of_a_mediation_is_skipped(town: Town, step: str) -> None:
    id = (await town.post("/mediation-cases", {"cell": CELL})).json()["id"]
    answer = await town.post(f"/mediation-cases/{id}/{step}", CASE_STEPS[step])
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")


async def test_of_fifty_creates_with_one_id_one_is_first(town: Town) -> None:
    body = {"id": str(uuid7()), "lead_type": "theft", "cell": CELL}
    answers = await asyncio.gather(*(town.post("/leads", body) for _ in range(AT_ONCE)))
    assert Counter(one.status_code for one in answers) == {201: 1, 200: AT_ONCE - 1}
    assert len({one.text for one in answers}) == 1
    events = await town.rows(
        "leads", "SELECT version FROM event WHERE stream_id = $1 ORDER BY version", body["id"]
    )
    assert [row["version"] for row in events] == list(range(1, len(events) + 1))


async def test_of_fifty_creates_with_one_key_one_is_made(town: Town) -> None:
    key, body = str(uuid4()), {"cell": CELL}
    answers = await asyncio.gather(
        *(town.post("/mediation-cases", body, Idempotency_Key=key) for _ in range(AT_ONCE))
    )
    assert Counter(one.status_code for one in answers) == {201: 1, 200: AT_ONCE - 1}
    assert len({one.json()["id"] for one in answers}) == 1
    other = await town.post("/mediation-cases", {"cell": CELL[:-3]}, Idempotency_Key=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


@pytest.mark.parametrize("match", ["exact", "*"])
async def test_of_fifty_steps_at_once_one_wins(town: Town, match: str) -> None:
    id = await lead(town)
    version = (await town.get(f"/leads/{id}"))["version"]
    told = f'"{version}"' if match == "exact" else "*"
    answers = await asyncio.gather(
        *(town.post(f"/leads/{id}/sign", If_Match=told) for _ in range(AT_ONCE))
    )
    found = Counter(one.status_code for one in answers)
    assert found[200] == 1 and found.keys() <= {200, 409, 412}
    assert (await town.get(f"/leads/{id}"))["version"] == version + 1


async def test_a_step_that_was_taken_back_is_not_taken_again_by_its_old_request(
    town: Town,
) -> None:
    id = await lead(town)
    for step, body in (("sign", None), ("accept", None), ("feed-back", {"outcome": "settled"})):
        assert (await town.post(f"/leads/{id}/{step}", body)).status_code == 200
    version = (await town.get(f"/leads/{id}"))["version"]
    verify = {"If_Match": f'"{version}"', "Idempotency_Key": str(uuid4())}
    assert (await town.post(f"/leads/{id}/verify", **verify)).status_code == 200
    rework = await town.post(f"/leads/{id}/order-rework", {"reason": "unfinished"})
    before = (await town.get(f"/leads/{id}"))["version"]
    again = await town.post(f"/leads/{id}/verify", **verify)
    assert again.status_code == 200, "its first answer again"
    assert (await town.get(f"/leads/{id}"))["version"] == before
    without_key = await town.post(f"/leads/{id}/verify", If_Match=verify["If_Match"])
    assert without_key.status_code in (409, 412), rework.text
