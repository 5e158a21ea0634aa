"""What is answered is what the contracts say. All other tests of this city hold their answers
against them, too."""

from __future__ import annotations

import json
from functools import partial

import pytest

from cli import contracts
from cli.city import SERVICES
from libs.common.ids import uuid7
from libs.common.service import Service
from tests.e2e.small_city.test_leads import first_cell
from tests.support import answered
from tests.support.awaiting import eventually
from tests.support.town import Town

OF_EACH_KIND = "/areas/counts"
"""Answers numbers by name, and no model tells the names."""


@pytest.mark.parametrize("service", SERVICES, ids=lambda one: one.name)
def test_every_answer_is_described(service: Service) -> None:
    for path, route in contracts.openapi(service)["paths"].items():
        for method, operation in route.items():
            for status, answer in operation["responses"].items():
                if status in ("200", "201") and path != OF_EACH_KIND:
                    assert "$ref" in answer["content"]["application/json"]["schema"], (method, path)


async def test_what_is_answered_is_what_was_promised(town: Town) -> None:
    cell = (await first_cell(town))["code"]
    body = {"id": str(uuid7()), "lead_type": "gas_bottle", "cell": cell}
    for status in (201, 200):
        answer = await town.post("/leads", body)
        assert answer.status_code == status and answer.json()["id"] == body["id"]
    bad = {"lead_type": "no_such_type", "cell": cell}
    batch = await town.post("/leads/batch", {"items": [body, bad, {}, {"lead_type": "theft"}]})
    assert [one["status"] for one in batch.json()["items"]] == [200, 422, 422, 201]
    lead, told = body["id"], {"about": body["id"]}
    found = await eventually(partial(town.get, "/alerts", **told), lambda page: page["items"])
    alert = found["items"][0]["id"]
    for path in (
        *("/leads", f"/leads/{lead}", f"/leads/{lead}/routing", f"/leads/{lead}/timeline"),
        *("/unrouted-leads", "/supervisions", "/retention-reviews"),
        *("/routing-rules", "/routing-rules/1", "/alert-rules"),
        *(f"/alerts/{alert}", f"/alerts/{alert}/receipts"),
    ):
        assert await town.get(path), path
    for step, more in (("sign", None), ("accept", None), ("feed-back", {"outcome": "settled"})):
        answer = await town.post(f"/leads/{lead}/{step}", more)
        assert answer.status_code == 200 and answer.json()["version"], step


async def test_another_answer_than_was_promised_is_found(town: Town) -> None:
    answer = await town.client.get("/leads", params={"limit": 1})
    page = answer.json()
    for change in ({"status": "unheard_of"}, {"text": "x"}, {"due_at": "noon"}):
        changed = {**page, "items": [{**page["items"][0], **change}]}
        answer._content = json.dumps(changed).encode()
        with pytest.raises(AssertionError):
            await answered.hold(answer)
