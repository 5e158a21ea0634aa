"""S6: no request takes more than its share. Sizes, levels, slow senders: `tests/unit/http`."""

from __future__ import annotations

import asyncio
import gzip
import json
import statistics
import time
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.attacks.people import OFFICER, STRANGER
from tests.attacks.rates import at_rates
from tests.e2e.small_city.plan import CELL
from tests.support.town import Town

HUGE: dict[str, tuple[bytes, set[int]]] = {
    "a million elements": (b'{"items":[' + b"1," * 10**6 + b"1]}", {413}),
    "as many as fit": (b'{"items":[' + b"1," * 500_000 + b"1]}", {422}),
    "501 items": (json.dumps({"items": [{"lead_type": "theft"}] * 501}).encode(), {422}),
    "10,000 levels": (b'{"items":' + b"[" * 10_000 + b"]" * 10_000 + b"}", {422}),
    "a text of a megabyte": (b'{"items":["' + b"a" * 1_048_000 + b'"]}', {200}),
    "a name of a megabyte": (b'{"' + b"a" * 1_048_000 + b'":1}', {422}),
    "a number of a megabyte": (b'{"items":' + b"9" * 1_000_000 + b"}", {400}),
    "spaces": (b'{"items":' + b" " * 1_048_000 + b"[]}", {422}),
    "a bomb": (gzip.compress(b"[" + b"0," * 10_000_000 + b"0]"), {400}),
}


@pytest.mark.parametrize("kind", HUGE)
async def test_a_huge_body_is_refused_soon(town: Town, kind: str) -> None:
    raw, expected = HUGE[kind]
    headers = {"Content-Type": "application/json"}
    begun = time.process_time()
    answer = await town.client.post("/leads/batch", content=raw, headers=headers)
    assert answer.status_code in expected, answer.text[:200]
    assert time.process_time() - begun < 2
    if kind == "a bomb":
        headers["Content-Encoding"] = "gzip"
        packed = await town.client.post("/leads/batch", content=raw, headers=headers)
        assert packed.status_code == 415


@pytest.mark.parametrize("limit", [0, -1, 201, 10**9, 2**70, "all", "1e2", ""])
async def test_no_page_is_larger_than_pages_are(town: Town, limit: Any) -> None:
    for path in ("/leads", "/areas", "/alerts", "/mediation-cases", "/scores", "/accounts"):
        answer = await town.client.get(path, params={"limit": limit})
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "/limit")


@pytest.mark.parametrize("number", [2**63, 2**70, -(2**70), 10**18])
async def test_a_number_that_no_column_holds_is_pointed_at(town: Town, number: int) -> None:
    area = {"code": "n", "name": "n", "level": "city", "households": number}
    answer = await town.post("/areas", area)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "/households")
    for path in (f"/work-calendars/{number}", f"/routing-rules/{number}"):
        assert (await town.client.get(path)).status_code in (404, 422), path


async def _seconds(client: httpx.AsyncClient, count: int) -> list[float]:
    took = []
    for _ in range(count):
        begun = time.perf_counter()
        assert (await client.get("/alert-rules")).status_code == 200
        took.append(time.perf_counter() - begun)
    return took


async def test_500_requests_at_once_of_one_account_cost_others_little(town: Town) -> None:
    with at_rates(town, account=20) as limited:
        crowd, other = limited.of(STRANGER).client, limited.of(OFFICER).client
        before = await _seconds(other, 40)
        flood = [asyncio.create_task(crowd.get("/leads")) for _ in range(500)]
        during = await _seconds(other, 40)
        found = Counter([(await one).status_code for one in flood])
    assert found[429] >= 100 and found[200] and found.keys() <= {200, 429, 503}
    assert statistics.median(during) < 2 * statistics.median(before) + 0.05
    assert max(during) < 2 * max(before) + 2.0


async def test_a_crowd_of_writers_is_answered_or_told_to_wait(town: Town) -> None:
    async def capture() -> int:
        answer = await town.post("/leads", {"lead_type": "theft", "cell": CELL})
        return answer.status_code

    found = Counter(await asyncio.gather(*(capture() for _ in range(500))))
    assert found.keys() <= {201, 503} and found[201] > 100
