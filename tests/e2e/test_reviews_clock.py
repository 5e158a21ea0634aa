"""What was there goes out again by the clock of its services: 400 days later everything whose time
is over is hidden or before somebody who decides, and no more than a thousand go at once (rows P8,
Q20)."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from cli.city import SERVICES
from libs.common.settings import Settings
from libs.privacy.register import registered
from services.leads.domain.retention import review_of
from services.registry import sources
from services.registry.sharing import SWEEPS
from tests.e2e.small_city.test_content import ELSEWHERE, OFFICER
from tests.e2e.small_city.test_content import read as read_content
from tests.e2e.small_city.test_erasure import captured, readable
from tests.e2e.small_city.test_lead_steps import cards
from tests.e2e.small_city.test_mediation import opened
from tests.e2e.small_city.test_retention import OLD, ended, happened, review, swept
from tests.e2e.small_city.test_sharing import TOWN_CENTRE, admitted, entry, keys_of, listed, read
from tests.support.awaiting import eventually
from tests.support.servers import Ground
from tests.support.town import Town, emptied, is_ok, loaded, town_of

AHEAD, A_YEAR, A_MONTH = timedelta(days=400), timedelta(days=365), timedelta(days=31)
PERIOD = timedelta(days=registered().days("lead"))
NAMES = ("registry", "leads", "mediation")
HERE = [service for service in SERVICES if service.name in NAMES]
BEND = """
    INSERT INTO clock (base, began, rate) SELECT now() + $1::interval, now(), 1
    ON CONFLICT (only_one) DO UPDATE SET base = clock.base + $1::interval
"""
BATCHES, EACH = 3, 400
AT_ONCE = 1000


@dataclass(frozen=True)
class There:
    """What was there before the clock moved; ids. `withdrawn`: by who issued it. `old`,
    `unkept`: leads that had been closed for some years."""

    entries: list[str]
    withdrawn: str
    open: str
    old: str
    unkept: str
    closed: str
    case: str
    ended_case: str


@asynccontextmanager
async def at_work(settings: Settings) -> AsyncIterator[Town]:
    """Until everybody is known to each of them."""
    async with town_of(settings, HERE) as town:
        for person in (OFFICER, TOWN_CENTRE):
            await eventually(partial(town.of(person.id).client.get, "/shared-batches"), is_ok)
        for path in ("/retention-reviews", "/mediation-cases"):
            await eventually(partial(town.client.get, path), is_ok)
        yield town


async def later(settings: Settings, by: timedelta) -> None:
    for name in NAMES:
        owner = await asyncpg.connect(settings.url(name, "owner"))
        await owner.execute(BEND, by)
        await owner.close()


@pytest.fixture(scope="module")
async def began(servers: Ground) -> tuple[Settings, There]:
    """Three services that stopped, what they had, and a clock that went on."""
    settings = await emptied(servers)
    async with loaded(settings, HERE) as town:
        there = await _filled(town)
    await later(settings, AHEAD)
    return settings, there


async def _filled(town: Town) -> There:
    assert town.settings.tokens
    key = sources.made("bureau")
    sources.add(town.settings.tokens, key)
    entries: list[str] = []
    for _ in range(BATCHES):
        many = [entry(name=f"N {n}") for n in range(EACH)]
        entries += await admitted(town, key, entries=many)
    withdrawn = entries.pop()
    answer = await town.of(ELSEWHERE.id).post(
        f"/shared-entries/{withdrawn}/withdraw", {"reason": "wrong_person"}
    )
    assert answer.status_code == 200, answer.text
    assert (await read(town, withdrawn)).status_code == 404
    await eventually(partial(keys_of, town, [withdrawn]), [].__eq__, within=60)
    open, closed = await captured(town), await ended(town)
    old, unkept = await ended(town), await ended(town)
    for lead in (old, unkept):
        await happened(town, OLD.format(days=PERIOD.days - A_YEAR.days), UUID(lead))
    (_, case), (_, other) = await opened(town), await opened(town)
    for id, step, body in (
        (case["id"], "accept", {"grade": "simple"}),
        (other["id"], "decline", {"reason": "unfit"}),
    ):
        answer = await town.post(f"/mediation-cases/{id}/{step}", body)
        assert answer.status_code == 200, answer.text
    return There(entries, withdrawn, open, old, unkept, closed, case["id"], other["id"])


@pytest.fixture
async def bent(began: tuple[Settings, There]) -> AsyncIterator[tuple[Town, There]]:
    """The same services, 400 days later."""
    settings, there = began
    async with at_work(settings) as town:
        yield town, there


async def statuses(town: Town) -> Mapping[str, int]:
    query = "SELECT status, count(*) FROM shared_entry GROUP BY status"
    connection = await asyncpg.connect(town.settings.url("registry", "writer"))
    try:
        return Counter({row["status"]: row["count"] for row in await connection.fetch(query)})
    finally:
        await connection.close()


async def test_no_shared_entry_is_in_force_and_all_go_a_thousand_at_most_at_once(
    bent: tuple[Town, There],
) -> None:
    town, there = bent
    assert await listed(town, OFFICER) == []
    for id in (there.entries[0], there.entries[-1], there.withdrawn):
        assert (await read(town, id)).status_code == 404
    left, runs = len(there.entries), 0
    while left:
        before = (await statuses(town))["deleted"]
        await swept(town, "registry", SWEEPS)
        found = await statuses(town)
        gone = found["deleted"] - before
        assert 0 < gone <= AT_ONCE, found
        assert found["active"] + found["expired"] + found["deleted"] == len(there.entries)
        left, runs = len(there.entries) - found["deleted"], runs + 1
    assert runs > 1 and await statuses(town) == {"deleted": len(there.entries), "withdrawn": 1}
    await eventually(partial(keys_of, town, there.entries), [].__eq__, within=60)


async def test_what_a_lead_holds_is_before_somebody_or_its_period_runs(
    bent: tuple[Town, There],
) -> None:
    """Five years are over of one that was closed long ago, not of one that was closed before the
    clock moved; of one that nobody signed for, supervision was told."""
    town, there = bent
    found = await eventually(partial(review, town, there.old), bool)
    assert found and (found["status"], found["ended"]) == ("due", "closed")
    assert await review(town, there.closed) is None and await review(town, there.open) is None
    for lead in (there.old, there.unkept, there.closed):
        assert (await read_content(town, lead))[0].status_code == 404
        assert await readable(town, lead), "a month is left to keep it"
    await eventually(partial(cards, town, there.open), lambda found: "red" in found)


async def test_a_case_has_its_ten_years_and_one_that_runs_is_told_to_be_late(
    bent: tuple[Town, There],
) -> None:
    town, there = bent
    shown = partial(town.get, f"/mediation-cases/{there.case}")
    assert (await eventually(shown, lambda case: case["overdue"]))["status"] == "accepted"
    assert (await town.get(f"/mediation-cases/{there.ended_case}"))["status"] == "declined"


async def keep(town: Town, lead: str, **body: Any) -> tuple[int, str, str | None]:
    answer = await town.post(f"/retention-reviews/{review_of(UUID(lead))}/keep", body)
    told = answer.json()
    first = told.get("errors", [told])[0]
    return answer.status_code, first.get("code", ""), first.get("path")


async def test_it_is_kept_for_a_reason_within_its_limit_and_once(
    bent: tuple[Town, There],
) -> None:
    town, there = bent
    found = await eventually(partial(review, town, there.old), bool)
    assert found
    now = datetime.fromisoformat(found["passes_at"]) - timedelta(days=30)
    until, late = ((now + timedelta(days=n)).isoformat() for n in (200, PERIOD.days + 2))
    assert (await keep(town, there.old, until=until))[::2] == (422, "/reason")
    beyond = await keep(town, there.old, until=late, reason="court_case")
    assert beyond == (422, "beyond_limit", "/until")
    assert (await keep(town, there.old, until=until, reason="court_case"))[0] == 200
    again = await keep(town, there.old, until=until, reason="court_case")
    assert again[:2] == (409, "kept_before")


async def test_a_month_later_what_nobody_kept_is_gone(
    began: tuple[Settings, There],
) -> None:
    """Given two whose period is over, of which somebody kept one; when a month has passed; then the
    content of the other is gone, and that of all else is there."""
    settings, there = began
    await later(settings, A_MONTH)
    async with at_work(settings) as town:
        await eventually(partial(readable, town, there.unkept), {}.__eq__)
        assert (await town.get(f"/leads/{there.unkept}"))["status"] == "closed", "a tombstone"
        for lead in (there.old, there.closed, there.open):
            assert await readable(town, lead)
