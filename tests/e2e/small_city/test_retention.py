"""What a lead holds, years after it ended: due, kept once more, gone; and a hold that stops it.

Years pass by a change of the database alone, of when a lead ended; a month, by a review that says
that it began then.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from libs.common import erasures
from libs.common.database import session
from libs.common.ids import uuid7
from libs.common.keys import Keys
from libs.common.messages import Cause
from libs.common.sweeping import Sweep
from libs.common.work import Work
from services.leads import queries
from services.leads.domain import RETENTION_REVIEW
from services.leads.domain.retention import DELETED_AFTER, FallDue, review_of
from services.leads.reviews import SWEEPS
from tests.e2e.small_city.test_audit import asked, rows
from tests.e2e.small_city.test_content import INFORMANT
from tests.e2e.small_city.test_erasure import captured, readable, refused_as_too_late
from tests.support.awaiting import eventually
from tests.support.town import Town, is_ok

OLD = "UPDATE lead SET changed_at = now() - interval '{days} days' WHERE id = $1"


@pytest.fixture
async def closed(town: Town) -> str:
    """A lead that ended more than five years ago, and has fallen due."""
    lead = await ended(town)
    await happened(town, OLD.format(days=1826), UUID(lead))
    await swept(town)
    return lead


async def ended(town: Town) -> str:
    lead = await captured(town)
    for step in ("sign", "accept"):
        await town.post(f"/leads/{lead}/{step}")
    await town.post(f"/leads/{lead}/feed-back", {"outcome": "settled"})
    for step in ("verify", "close"):
        answer = await town.post(f"/leads/{lead}/{step}")
    assert answer.status_code == 200, answer.text
    return lead


async def happened(town: Town, statement: str, id: UUID) -> None:
    async with session(town.settings.url("leads", "writer")) as writer:
        assert await writer.execute(statement, id) == "UPDATE 1"


async def swept(town: Town, service: str = "leads", sweeps: Sequence[Sweep] = SWEEPS) -> None:
    """As each hour, once."""
    running = town.running[service]
    if running is None:
        pytest.skip("the sweeps of services elsewhere are not ours to hasten")
    async with session(town.settings.url(service, "writer")) as writer:
        for sweep in sweeps:
            await running.sweeping.through(sweep, writer)


async def fell_due(town: Town, lead: str) -> None:
    """A month and an hour ago."""
    at = datetime.now(UTC) - DELETED_AFTER - timedelta(hours=1)
    shown = await town.get(f"/leads/{lead}")
    told = FallDue(at, UUID(lead), shown["community"], shown["cell"], "closed", at)
    work = Work(
        lambda _: (RETENTION_REVIEW.to(review_of(UUID(lead)), told),),
        Cause("sweep", "retention", uuid7(), "/civicgrid/leads/sweep"),
    )
    running = town.running["leads"]
    if running is None:
        pytest.skip("the time of services elsewhere is not ours")
    await running.writer.submit([work])
    await swept(town)


async def review(town: Town, lead: str) -> dict[str, Any] | None:
    items = (await town.get("/retention-reviews", limit=200))["items"]
    return next((one for one in items if one["record"] == lead), None)


async def keep(town: Town, lead: str, **body: Any) -> Any:
    until = datetime.now(UTC) + timedelta(days=200)
    told = {"reason": "court_case", "until": until.isoformat(), **body}
    path = f"/retention-reviews/{review_of(UUID(lead))}/keep"
    return await town.post(path, {name: value for name, value in told.items() if value})


async def test_after_five_years_a_month_is_left(town: Town, closed: str) -> None:
    found = await review(town, closed)
    assert found and (found["status"], found["ended"]) == ("due", "closed")
    left = datetime.fromisoformat(found["passes_at"]) - datetime.now(UTC)
    assert timedelta(days=29) < left < timedelta(days=31)
    assert (await readable(town, closed))["text"] == "what was seen"


async def test_who_lists_reviews_leaves_a_row_that_has_their_leads(town: Town, closed: str) -> None:
    answer, correlation = await asked(town, "GET", "/retention-reviews")
    records = {UUID(one["record"]) for one in answer.json()["items"]}
    (row,) = await rows(town, "leads", correlation)
    assert UUID(closed) in records and records <= set(row["ids"])


async def test_a_month_later_nothing_of_it_can_be_read(town: Town) -> None:
    lead, other = await ended(town), await ended(town)
    await fell_due(town, lead)
    await eventually(partial(readable, town, lead), {}.__eq__)
    assert await review(town, lead) is None
    assert (await readable(town, other))["text"] == "what was seen"
    shown = await town.get(f"/leads/{lead}")
    assert shown["status"] == "closed" and shown["cell"], "a tombstone stays for the figures"
    heard = partial(town.privacy.client.get, f"/subject-requests/{lead}")
    await eventually(heard, is_ok)
    await refused_as_too_late(town, lead)


async def test_a_lead_whose_period_runs_does_not_fall_due(town: Town) -> None:
    lead = await ended(town)
    await happened(town, OLD.format(days=1824), UUID(lead))
    await swept(town)
    assert await review(town, lead) is None
    await happened(town, OLD.format(days=1826), UUID(lead))
    for _ in range(2):
        await swept(town)
    assert await review(town, lead)


async def test_it_is_kept_once_for_a_reason(town: Town, closed: str) -> None:
    for body, path in (({"reason": ""}, "/reason"), ({"until": "2099-01-01T00:00:00Z"}, "/until")):
        bad = await keep(town, closed, **body)
        told = bad.json()
        assert bad.status_code == 422, told
        assert path in (told.get("path"), *(one["path"] for one in told.get("errors", ())))
    assert (await keep(town.of(INFORMANT.id), closed)).status_code == 403
    assert (await keep(town, closed)).status_code == 200
    again = await keep(town, closed)
    assert (again.status_code, again.json()["code"]) == (409, "kept_before")
    assert (await review(town, closed) or {})["status"] == "kept"


async def test_a_legal_hold_stops_it(town: Town) -> None:
    running = town.running["leads"]
    if running is None:
        pytest.skip("what services elsewhere know is not seen")
    closed = await ended(town)
    held = await town.privacy.post(f"/subject-requests/{closed}/hold", {"ground": "court-2031-7"})
    assert held.status_code == 200, held.text

    async def holds() -> bool:
        return UUID(closed) in running.writer.context().facts.held

    await eventually(holds, bool)
    await fell_due(town, closed)

    found = await review(town, closed)
    assert found and found["status"] == "due"
    assert (await readable(town, closed))["text"] == "what was seen"
    assert (await town.privacy.post(f"/subject-requests/{closed}/release")).status_code == 200

    async def released() -> bool:
        return not await holds()

    await eventually(released, bool)
    await swept(town)
    await eventually(partial(readable, town, closed), {}.__eq__)


async def test_a_clock_that_is_wrong_deletes_a_thousand_an_hour(town: Town) -> None:
    """Row Q20: given more leads whose month is over; when an hour passes; then no more go."""
    fill = """
        INSERT INTO retention_review (id, previous, version, shape, key, state, changed_at)
        SELECT gen_random_uuid(), 0, 1, 1, 'x', jsonb_build_object('id', gen_random_uuid(),
            'status', 'due', 'record', gen_random_uuid(), 'passes_at', '2020-01-01T00:00:00Z'),
            now() FROM generate_series(1, 1001)
    """
    async with session(town.settings.url("leads", "writer")) as writer:
        filling = writer.transaction()
        await filling.start()
        await writer.execute(fill)
        assert len(await writer.fetch(queries.OVER, 10_000, datetime.now(UTC))) == 1000
        await filling.rollback()


async def test_an_older_backup_of_the_keys_brings_nothing_back(town: Town) -> None:
    closed = await ended(town)
    subjects = [UUID(closed)]
    async with asyncpg.create_pool(town.settings.url("keys", "owner"), min_size=1) as pool:
        key = await pool.fetchval("SELECT key FROM subject_key WHERE subject_ref = $1", *subjects)
        assert key
        await fell_due(town, closed)
        await eventually(partial(readable, town, closed), {}.__eq__)
        back = "UPDATE subject_key SET key = $2, erased_at = NULL WHERE subject_ref = $1"
        await pool.execute(back, *subjects, key)
        assert await readable(town, closed)
        async with session(town.settings.url("leads", "reader")) as connection:
            await erasures.again(connection, Keys(pool))
    assert await readable(town, closed) == {}
