"""S1: an id of something that is not theirs, wherever a caller can put one, finds nothing.

Ids in paths, of every route and role: `tests/e2e/small_city/test_rights.py`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from uuid import uuid4

import httpx
import pytest

from libs.common.ids import uuid7
from tests.attacks.people import CELL, COMMUNITY, OFFICER, STRANGER
from tests.support.town import Town

PAIRS, ROUNDS = 30, 5
MOST_SECONDS = 0.005


@pytest.mark.parametrize(
    ("path", "name", "kind"),
    [
        ("/alerts", "about", "leads"),
        ("/mediation-cases", "lead_id", "leads"),
        ("/leads", "after", "leads"),
    ],
)
async def test_an_id_in_a_query_finds_nothing_outside(
    town: Town, things: Mapping[str, str], path: str, name: str, kind: str
) -> None:
    there = town.of(STRANGER)
    found, absent = [await there.get(path, **{name: id}) for id in (things[kind], uuid7())]
    assert found == absent == {"items": [], "next": None}


@pytest.mark.parametrize("query", [{"community": COMMUNITY}, {"unit": f"police_room-{COMMUNITY}"}])
async def test_a_code_in_a_query_widens_nothing(
    town: Town, things: Mapping[str, str], query: dict[str, str]
) -> None:
    assert (await town.of(STRANGER).get("/leads", **query))["items"] == []
    assert (await town.of(OFFICER).get("/leads", **query))["items"]


async def test_a_cell_in_a_body_is_as_one_that_is_not_there(town: Town) -> None:
    outside = await town.of(STRANGER).post("/mediation-cases", {"cell": CELL})
    assert (outside.status_code, outside.json()["code"]) == (404, "not_found")
    inside = await town.of(OFFICER).post("/mediation-cases", {"cell": CELL})
    assert inside.status_code == 201


async def test_a_key_of_somebody_else_gives_no_answer_of_theirs(town: Town) -> None:
    key, body = str(uuid4()), {"cell": CELL}
    first = await town.of(OFFICER).post("/mediation-cases", body, Idempotency_Key=key)
    again = await town.of(OFFICER).post("/mediation-cases", body, Idempotency_Key=key)
    other = await town.of(STRANGER).post("/mediation-cases", body, Idempotency_Key=key)
    assert first.status_code == 201 and again.json() == first.json()
    assert (other.status_code, first.json()["id"] in other.text) == (404, False)


async def test_a_batch_answers_each_by_what_they_may(town: Town, things: Mapping[str, str]) -> None:
    items = [
        {"id": things["leads"], "lead_type": kind, "cell": CELL} for kind in ("theft", "gas_bottle")
    ]
    answer = await town.of(STRANGER).post("/leads/batch", {"items": items})
    for item in answer.json()["items"]:
        assert not {"unit", "police_room", "version", "cell"} & item.keys(), item


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/leads/{leads}/sign", None),
        ("/leads/{leads}/return", {"reason": "not_ours"}),
        ("/alerts/{alerts}/acknowledge", None),
        ("/mediation-cases/{mediation-cases}/accept", {"grade": "simple"}),
    ],
)
async def test_an_expected_version_tells_absent_from_outside_no_more_than_none(
    town: Town, things: Mapping[str, str], path: str, body: object
) -> None:
    there = town.of(STRANGER)
    absent = dict.fromkeys(things, str(uuid7()))
    told = [
        await there.post(path.format_map(ids), body, If_Match='"999"') for ids in (things, absent)
    ]
    assert [answer.status_code for answer in told] == [404, 404]
    assert told[0].json() == told[1].json()


@pytest.mark.parametrize("kind", ["leads", "alerts", "mediation-cases"])
async def test_absent_and_out_of_scope_take_the_same_time(
    town: Town, things: Mapping[str, str], kind: str
) -> None:
    """Medians within 5 ms (row P17), of pairs in turn. What others do on this machine may part them
    once, not each time."""
    there = town.of(STRANGER).client
    for _ in range(ROUNDS):
        apart = await _apart(there, f"/{kind}/{things[kind]}", f"/{kind}/{uuid7()}")
        if apart < MOST_SECONDS:
            return
    pytest.fail(f"medians are {apart} s apart")


async def _apart(there: httpx.AsyncClient, *paths: str) -> float:
    took: dict[str, list[float]] = {path: [] for path in paths}
    for _ in range(PAIRS):
        for path in paths:
            begun = time.perf_counter()
            answer = await there.get(path)
            took[path].append(time.perf_counter() - begun)
            assert answer.status_code == 404
    first, second = map(statistics.median, took.values())
    return abs(first - second)
