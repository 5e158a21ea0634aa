"""In the demo nobody is real: a number that could be somebody's comes in by no door (row P23)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from cli.demo import at_play
from libs.common import kafka
from libs.common.ids import uuid7
from tests.e2e.small_city.test_content import INFORMANT, OFFICER
from tests.e2e.small_city.test_intake import report
from tests.support.awaiting import eventually
from tests.support.identities import made_up, real
from tests.support.servers import Ground
from tests.support.town import Town, emptied, loaded


@pytest.fixture(scope="module")
async def town(servers: Ground) -> AsyncIterator[Town]:
    """A small city, with the settings of `civicgrid demo`."""
    async with loaded(at_play(await emptied(servers))) as there:
        yield there


def lead(**more: Any) -> dict[str, Any]:
    return {"id": str(uuid7()), "lead_type": "theft", **more}


async def test_no_request_brings_one_in(town: Town) -> None:
    informant, officer = town.of(INFORMANT.id), town.of(OFFICER.id)
    number = real()
    grant = {"id": str(uuid7()), "reason": "missing_person", "record": str(uuid7())}
    grant |= {"case_id": str(uuid7())}
    imported = {"source": "elsewhere", "source_number": number, "lead_type": "theft"}
    imported |= {"received_at": "2026-11-01T08:00:00Z"}
    for person, path, body, where in (
        (informant, "/leads", lead(text=f"his number is {number}"), "/text"),
        (informant, "/leads", lead(reporter={"name": number}), "/reporter/name"),
        (informant, "/leads", lead(reporter={"phone": number}), "/reporter/phone"),
        (informant, "/leads/batch", {"items": [lead(), lead(text=number)]}, "/items/1/text"),
        (town, "/leads/import", {"items": [imported]}, "/items/0/source_number"),
        (
            town,
            "/shared-batches",
            {"entries": [{"name": "Han Mei", "identity": number}]},
            "/entries/0/identity",
        ),
        (officer, "/break-glass", {**grant, "text": f"looking for {number}"}, "/text"),
        (town, "/sign-in", {"name": number.lower()}, "/name"),
    ):
        answer = await person.post(path, body)
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (422, "real_identity"), (path, problem)
        assert problem["path"] == where
        assert number.casefold() not in answer.text.casefold()
    assert await town.rows("leads", "SELECT id FROM lead") == []
    for text in (made_up(), f"{made_up()} and {made_up()}"):
        answer = await informant.post("/leads", lead(text=text))
        assert answer.status_code == 201, answer.text


async def test_no_outside_source_brings_one_in(town: Town) -> None:
    source = kafka.producer(town.settings.kafka_bootstrap_servers, "source")
    await source.start()
    told = {"lead_type": "theft", "reported_at": "2026-11-01T08:00:00Z"}
    for n, number in enumerate((real(), made_up())):
        body = {**told, "source_number": f"demo-{n}", "sealed_content": f"number {number}"}
        await report(source, str(uuid7()), body)
    await source.stop()
    query = "SELECT data::text FROM event WHERE type LIKE 'intake.%' ORDER BY type"
    receipts = await eventually(partial(town.rows, "leads", query), lambda found: len(found) == 2)
    accepted, rejected = [row["data"] for row in receipts]
    assert "demo-1" in accepted and "demo-0" in rejected
    assert "real_identity" in rejected and "/sealed_content" in rejected
