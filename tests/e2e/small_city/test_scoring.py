"""Figures follow what happened, sum up the tree, and can be counted again."""

from __future__ import annotations

from functools import partial
from typing import Any

from libs.common.database import look
from libs.common.ids import uuid7
from services.scoring.replay import replay
from tests.e2e.small_city.test_leads import first_cell
from tests.support.awaiting import eventually
from tests.support.town import Town


async def closed_of(town: Town, subject: str) -> tuple[int, int]:
    score = await town.get(f"/scores/grid_areas/{subject}")
    one = next(one for one in score["figures"] if one["indicator"] == "closed")
    return one["numerator"], one["denominator"]


async def test_a_lead_that_is_closed_counts_once_in_every_area_above_it(town: Town) -> None:
    cell = await first_cell(town)
    chain = [cell["code"], cell["parent"], cell["community"], cell["code"][:9], cell["code"][:6]]
    before = {code: await closed_of(town, code) for code in chain}
    id = str(uuid7())
    await town.post("/leads", {"id": id, "lead_type": "street_light", "cell": cell["code"]})
    for step, body in (
        ("sign", None),
        ("accept", None),
        ("feed-back", {"outcome": "repaired"}),
        ("verify", None),
        ("close", None),
    ):
        answer = await town.post(f"/leads/{id}/{step}", body)
        assert answer.status_code == 200, (step, answer.text)
    for code, (numerator, denominator) in before.items():
        wanted = (numerator + 1, denominator + 1)
        await eventually(partial(closed_of, town, code), wanted.__eq__)
    office = (await town.get(f"/leads/{id}"))["unit"]
    signed = (await town.get(f"/scores/grid_offices/{office}"))["figures"][0]
    assert (signed["indicator"], signed["numerator"]) == ("signed_on_time", signed["denominator"])


async def test_towns_and_what_has_no_place_sum_to_the_city(town: Town) -> None:
    before = await closed_of(town, "370782")
    await town.post("/leads", {"id": str(uuid7()), "lead_type": "refuse"})
    await eventually(partial(closed_of, town, "370782"), (before[0], before[1] + 1).__eq__)
    towns = (await town.get("/scores", scheme="grid_areas", kind="town"))["items"]
    placed = sum(one["figures"][1]["denominator"] for one in towns)
    nowhere = await town.rows(
        "scoring",
        "SELECT denominator FROM tally WHERE subject = '' AND indicator = 'closed'",
    )
    assert placed + nowhere[0]["denominator"] == (await closed_of(town, "370782"))[1]


async def test_replay_counts_the_same(town: Town) -> None:
    await eventually(partial(published, town), bool)
    connection = await look(town.settings.url("scoring", "reader"))
    try:
        result = await replay(connection, lambda _: None)
    finally:
        await connection.close()
    assert result.differing == ()
    assert result.digest == result.replayed_digest
    assert result.figures > 0


async def published(town: Town) -> bool:
    """Every figure was published as it is now: the sweep finds nothing that moved."""
    rows: list[dict[str, Any]] = await town.rows(
        "scoring",
        "SELECT 1 FROM tally LEFT JOIN score ON score.scheme = tally.scheme"
        " AND score.subject = tally.subject AND score.indicator = tally.indicator"
        " WHERE score.id IS NULL OR score.numerator <> tally.numerator"
        " OR score.denominator <> tally.denominator",
    )
    return not rows
