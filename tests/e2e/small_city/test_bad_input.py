"""What no client should send is refused where it is wrong, and nothing fails of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.town import Town


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
async def test_a_moment_that_no_calendar_knows_is_pointed_at(town: Town, moment: str) -> None:
    lead = await town.post("/leads", {"lead_type": "theft", "captured_at": moment})
    assert (lead.status_code, lead.json()["errors"][0]["path"]) == (422, "/captured_at")
    body = {"source": "s", "source_number": moment, "lead_type": "theft", "received_at": moment}
    batch = await town.post("/leads/import", {"items": [body]})
    item = batch.json()["items"][0]
    assert (item["status"], item["problem"]["errors"][0]["path"]) == (422, "/received_at")
    areas = await town.client.get("/areas", params={"as_of": moment})
    assert (areas.status_code, areas.json()["errors"][0]["path"]) == (422, "/as_of")


@pytest.mark.parametrize("corner", [[10**400, 0], [None, 0], ["x", 0], {"lon": 0}, [0, 0, 0, 0]])
async def test_a_polygon_of_no_coordinates_is_pointed_at(town: Town, corner: Any) -> None:
    ring = [corner, [0, 1], [1, 1], corner]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    body = {"code": "bad", "name": "bad", "level": "city", "polygon": polygon}
    answer = await town.post("/areas", body)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "/polygon")


@pytest.mark.parametrize(
    "path",
    [
        *("/leads", "/retention-reviews", "/alerts", "/mediation-cases", "/accounts"),
        *("/break-glass", "/subject-requests", "/shared-batches", "/shared-entries"),
    ],
)
async def test_a_status_that_there_is_not_is_pointed_at(town: Town, path: str) -> None:
    asked = town.privacy if path in ("/break-glass", "/subject-requests") else town
    answer = await asked.client.get(path, params={"status": "foo"})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "/status"), path
    empty = await asked.client.get(path, params={"status": ""})
    assert empty.status_code == 422, path


async def test_a_kind_of_areas_or_offices_that_there_is_not_is_pointed_at(town: Town) -> None:
    answer = await town.client.get("/scores", params={"kind": "foo"})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "/kind")
