"""Whoever reads what records say, one after the other, is stopped after twenty in an hour, and the
privacy officer is told (row P25)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from libs.common.ids import named, uuid7
from libs.common.reading_limit import SUBJECTS, limit_id
from libs.common.work import Work
from libs.common.writer import Busy
from tests.e2e.small_city.plan import CELL, COMMUNITY
from tests.e2e.small_city.test_audit import asked, rows
from tests.support.awaiting import eventually
from tests.support.town import PRIVACY_OFFICER, Town, is_ok

OFFICERS = 6
LEADS = 50
TEXT = "what was seen"


@pytest.fixture(scope="module")
async def leads(town: Town) -> list[str]:
    items = [
        {"id": str(uuid7()), "lead_type": "theft", "cell": CELL, "text": TEXT} for _ in range(LEADS)
    ]
    await town.load([("/leads/batch", items)])
    return [str(item["id"]) for item in items]


@pytest.fixture(scope="module")
async def officers(town: Town) -> list[UUID]:
    """Each for one test."""
    return await new_officers(town, [f"reading-officer-{n}" for n in range(OFFICERS)])


async def new_officers(town: Town, posts_of: Iterable[str]) -> list[UUID]:
    """Of the community of the leads, who have read nothing yet, in new posts with these codes."""
    persons = {code: uuid4() for code in posts_of}
    office = {"area": COMMUNITY, "organisation": f"police_room-{COMMUNITY}"}
    posts = [{"code": code, "role": "auxiliary_officer", **office} for code in persons]
    await town.load([("/posts/batch", posts)])
    held = [{"post": code, "person_ref": str(person)} for code, person in persons.items()]
    await town.load([("/appointments/batch", held)])
    await town.spread()
    for person in persons.values():
        await eventually(partial(town.of(person).client.get, "/leads?limit=1"), is_ok)
    return list(persons.values())


def account_of(person: UUID) -> UUID:
    return named(f"account/{person}")


async def read(town: Town, person: UUID, lead: str, **told: str) -> httpx.Response:
    headers = {"Civicgrid-Purpose": "handle_leads", "Civicgrid-Case": lead}
    headers |= {name.replace("_", "-"): value for name, value in told.items()}
    return await town.of(person).client.get(f"/leads/{lead}/content", headers=headers)


async def statuses(town: Town, person: UUID, leads: Iterable[str]) -> list[int]:
    return [(await read(town, person, lead)).status_code for lead in leads]


async def told(town: Town, person: UUID) -> list[dict[str, Any]]:
    """What the privacy officer was told of them."""
    items = (await town.privacy.get("/notifications", limit=200))["items"]
    return [one for one in items if one["about"] == str(limit_id(account_of(person)))]


async def outcomes(town: Town, person: UUID) -> list[tuple[str, str | None]]:
    """Of all that they asked about content, in order."""
    query = "SELECT outcome, code FROM audit WHERE actor = $1 AND action = 'show_content'"
    connection = await asyncpg.connect(town.settings.url("leads", "writer"))
    try:
        found = await connection.fetch(f"{query} ORDER BY position", str(account_of(person)))
    finally:
        await connection.close()
    return [tuple(row) for row in found]


STOPPED = ("denied", "too_many_subjects")


async def test_twenty_are_read_and_no_more_but_those_again(
    town: Town, leads: list[str], officers: list[UUID]
) -> None:
    person = officers.pop()
    assert await statuses(town, person, leads[:SUBJECTS]) == [200] * SUBJECTS
    path, reason = f"/leads/{leads[SUBJECTS]}/content", {"Civicgrid_Purpose": "handle_leads"}
    reason |= {"Civicgrid_Case": leads[SUBJECTS], "Accept_Language": "en"}
    stopped, correlation = await asked(town.of(person), "GET", path, **reason)
    assert (stopped.status_code, stopped.json()["code"]) == (429, "too_many_subjects")
    assert TEXT not in stopped.text and "20 records" in stopped.json()["detail"]
    assert 3000 < int(stopped.headers["Retry-After"]) <= 3600
    (row,) = await rows(town, "leads", correlation)
    assert ((row["outcome"], row["code"]), row["fields"]) == (STOPPED, [])
    assert row["ids"] == [UUID(leads[SUBJECTS]), limit_id(account_of(person))]
    assert await statuses(town, person, leads[:SUBJECTS]) == [200] * SUBJECTS
    assert (await read(town, person, leads[SUBJECTS])).status_code == 429
    assert is_ok(await town.of(person).client.get(f"/leads/{leads[SUBJECTS]}"))


async def test_of_fifty_at_once_twenty_are_shown_and_it_is_told_once(
    town: Town, leads: list[str], officers: list[UUID]
) -> None:
    person = officers.pop()
    answers = await asyncio.gather(*(read(town, person, lead) for lead in leads))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200] * SUBJECTS + [429] * (LEADS - SUBJECTS)
    found = await outcomes(town, person)
    assert found.count(("done", None)) == SUBJECTS
    assert found.count(STOPPED) == LEADS - SUBJECTS
    (alert,) = await eventually(partial(told, town, person), bool)
    assert (alert["rule"], alert["status"]) == ("reading-limit-reached", "unacknowledged")
    await statuses(town, person, leads)
    query = "SELECT data::text FROM event WHERE stream_id = $1"
    (event,) = await town.rows("leads", query, limit_id(account_of(person)))
    assert not [lead for lead in leads if lead in event["data"]]
    assert await told(town, person) == [alert]
    path = f"/alerts/{alert['id']}/acknowledge"
    assert is_ok(await town.privacy.post(path))
    query = "SELECT person_ref FROM receipt WHERE alert_id = $1"
    receipts = await town.rows("alerts", query, UUID(alert["id"]))
    assert PRIVACY_OFFICER in [row["person_ref"] for row in receipts]


async def test_what_was_denied_was_not_seen_nor_what_was_looked_at_without_its_content(
    town: Town, leads: list[str], officers: list[UUID]
) -> None:
    person, reason = officers.pop(), {"Civicgrid-Purpose": "handle_leads"}
    for lead in leads[: SUBJECTS + 1]:
        assert (await read(town, person, lead, Civicgrid_Case=str(uuid7()))).status_code == 404
        headers = {**reason, "Civicgrid-Case": lead}
        assert is_ok(await town.of(person).client.get(f"/leads/{lead}", headers=headers))
    assert await statuses(town, person, leads[:SUBJECTS]) == [200] * SUBJECTS


async def test_nobody_counts_for_another(
    town: Town, leads: list[str], officers: list[UUID]
) -> None:
    person, other = officers.pop(), officers.pop()
    assert await statuses(town, person, leads[:SUBJECTS]) == [200] * SUBJECTS
    assert (await read(town, other, leads[SUBJECTS])).status_code == 200
    assert (await read(town, person, leads[SUBJECTS])).status_code == 429


async def test_what_could_not_be_told_is_told_by_the_next_that_is_too_many(
    town: Town, leads: list[str], officers: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    person = officers.pop()
    assert await statuses(town, person, leads[:SUBJECTS]) == [200] * SUBJECTS
    running = town.running["leads"]
    assert running

    async def offer(works: list[Work]) -> None:
        raise Busy

    with monkeypatch.context() as patched:
        patched.setattr(running.writer, "offer", offer)
        assert (await read(town, person, leads[SUBJECTS])).status_code == 503
    assert STOPPED not in await outcomes(town, person) and not await told(town, person)
    assert (await read(town, person, leads[SUBJECTS])).status_code == 429
    await eventually(partial(told, town, person), bool)
