"""What is told of people, by the command of whoever handles it: read, held, erased, kept."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import partial

import httpx
import pytest

from cli.client import City
from cli.passes import Pass
from services.registry import reference
from tests.support.accounts import sign_in
from tests.support.awaiting import eventually
from tests.support.command import Commands, city_up
from tests.support.servers import Ground
from tests.support.town import PLAN, SEED

CELL = next(
    body["code"]
    for route, bodies in reference.batches(PLAN, SEED)
    for body in bodies
    if route == "/areas/batch" and body["level"] == "grid_l3"
)


@pytest.fixture(scope="module")
async def commander(
    servers: Ground, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Commands]:
    """Signed in at a small city, with a post in its command centre."""
    folder = tmp_path_factory.mktemp("people")
    async with city_up(servers, folder) as there:
        assert there.settings.tokens
        url, person = there.process.url, reference.commander(PLAN, SEED)
        as_both = Pass(there.settings.tokens, person)
        for answers in City(url, as_both.token).load(reference.batches(PLAN, SEED)):
            assert all(answer["status"] < 300 for answer in answers)
        async with httpx.AsyncClient(base_url=url, auth=as_both) as client:
            for path in ("/leads", "/subject-requests", "/retention-reviews"):
                await eventually(partial(client.get, path), lambda answer: answer.is_success)
        sign_in(there.settings, url, folder / "commander", person)
        yield Commands(there.settings, there.process, folder / "commander")


def submitted(there: Commands) -> str:
    told = ("--type", "theft", "--cell", CELL, "--text", "two men and a ladder")
    return str(there.json("lead", "submit", *told)["id"])


async def test_what_was_told_is_read_for_a_purpose(commander: Commands) -> None:
    lead = submitted(commander)
    shown = commander.run("lead", "content", lead)
    assert "two men and a ladder" in shown and "recorded" in shown
    told = commander.json("lead", "content", lead)
    assert told == {"id": lead, "text": "two men and a ladder"}
    commander.run("lead", "content", lead, "--purpose", "curiosity", code=1)
    assert "two men" not in commander.run("lead", "show", lead)


async def test_what_is_held_is_not_erased_until_it_is_released(commander: Commands) -> None:
    lead = submitted(commander)
    assert "held" in commander.run("subjects", "hold", lead, "court-2026-17")
    commander.run("subjects", "erase", lead, code=1)
    assert commander.json("lead", "content", lead)["text"]
    assert "released" in commander.run("subjects", "release", lead)
    rows = commander.json("subjects", "list", "--status", "granted")
    assert [row["id"] for row in rows] == [lead]


async def test_what_is_erased_is_confirmed_by_every_service(commander: Commands) -> None:
    lead = submitted(commander)
    assert "confirmed by every service" in commander.run("subjects", "erase", lead)
    assert commander.json("lead", "content", lead) == {"id": lead}
    (row,) = commander.json("subjects", "list", "--status", "confirmed")
    assert row["id"] == lead and not row["missing"]


async def test_nothing_is_due_in_a_young_city(commander: Commands) -> None:
    assert json.loads(commander.run("leads", "due", "--json")) == []
    commander.run("lead", "keep", submitted(commander), "2099-01-01", "court_case", code=1)
