"""Of an emergency that nobody approved in a day, and of a grant that nobody reviewed in three days,
somebody is told (row P6)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from cli.city import SERVICES
from libs.common.ids import uuid7
from services.registry import reference
from tests.e2e.clocks import BEND
from tests.e2e.small_city.test_content import OFFICER
from tests.e2e.small_city.test_sharing import TOWN_CENTRE
from tests.support.awaiting import eventually
from tests.support.servers import ROOT, Ground
from tests.support.town import PLAN, PRIVACY_OFFICER, SEED, Town, emptied, is_ok, loaded, town_of

PORTAL = [service for service in SERVICES if service.name == "portal"]
OTHERS = [service for service in SERVICES if service.name in ("registry", "alerts")]
COMMANDER = reference.commander(PLAN, SEED)
REVIEW = {"finding": "in_order", "note": "seen by two of us"}
MIGRATION = ROOT / "services/portal/migrations/004_break_glass_limits.sql"
CALM = {"normal", "returned_unacknowledged"}


@pytest.fixture(scope="module")
async def town(servers: Ground) -> AsyncIterator[Town]:
    """The registry and the alerts, by our clock."""
    async with loaded(await emptied(servers), OTHERS) as there:
        yield there


@asynccontextmanager
async def portal_in(town: Town, ahead: timedelta) -> AsyncIterator[Town]:
    """The portal, by a clock that is ahead of ours."""
    owner = await asyncpg.connect(town.settings.url("portal", "owner"))
    await owner.execute("DELETE FROM clock")
    await owner.execute(BEND, ahead, 1)
    await owner.close()
    async with town_of(town.settings, PORTAL) as portal:
        for person in (OFFICER.id, TOWN_CENTRE.id, COMMANDER, PRIVACY_OFFICER):
            await eventually(partial(portal.of(person).client.get, "/break-glass"), is_ok)
        yield portal


async def emergency(portal: Town, person: UUID) -> str:
    body: dict[str, Any] = {"id": str(uuid7()), "reason": "missing_person", "emergency": True}
    body |= {"record": str(uuid7()), "case_id": str(uuid7()), "text": "a child is missing"}
    answer = await portal.of(person).post("/break-glass", body)
    assert answer.status_code == 201, answer.text
    return str(body["id"])


async def done(portal: Town, person: UUID, grant: str, step: str, body: Any = None) -> None:
    answer = await portal.of(person).post(f"/break-glass/{grant}/{step}", body)
    assert answer.status_code == 200, answer.text


async def told(town: Town, person: UUID) -> dict[tuple[str, str], str]:
    """Of which grant by which rule, and whether it is a worry still."""
    items = (await town.of(person).get("/notifications", limit=200))["items"]
    return {(one["about"], one["rule"]): one["status"] for one in items}


async def test_somebody_is_told_until_it_is_reviewed(town: Town) -> None:
    """given: two emergencies, one of them approved; when: a day is over, and three more; then: of
    the one that nobody approved there is an alert after a day, of both after three, to the command
    centre too, also where they are from before there were limits; each ends with the review."""
    async with portal_in(town, timedelta(0)) as portal:
        owed, approved = [await emergency(portal, one.id) for one in (OFFICER, TOWN_CENTRE)]
        await done(portal, COMMANDER, approved, "approve")
    unapproved, unreviewed = "break-glass-unapproved", "break-glass-unreviewed"
    of_officer = partial(told, town, PRIVACY_OFFICER)
    of_centre = partial(told, town, COMMANDER)
    async with portal_in(town, timedelta(hours=24)) as portal:
        await eventually(of_officer, lambda found: (owed, unapproved) in found)
        shown = await portal.get(f"/break-glass/{owed}")
        assert (shown["status"], shown["approval_overdue"]) == ("ended", True), "it gives nothing"
        late = await portal.of(COMMANDER).post(f"/break-glass/{owed}/approve")
        assert (late.status_code, late.json()["code"]) == (409, "approval_too_late")
        assert not (await portal.get(f"/break-glass/{approved}"))["approval_overdue"]
    assert {rule for _, rule in await of_officer()} == {"break-glass-granted", unapproved}
    assert await of_centre() == {}
    await town.owner("portal", "DELETE FROM timer WHERE name LIKE 'break_glass%'")
    await town.owner("portal", MIGRATION.read_text())
    async with portal_in(town, timedelta(hours=73)) as portal:
        both = {(grant, unreviewed) for grant in (owed, approved)}
        for alerts in (of_officer, of_centre):
            await eventually(alerts, lambda found: both <= found.keys())
        assert (approved, unapproved) not in await of_officer()
        assert (await portal.get(f"/break-glass/{owed}"))["review_overdue"]
        await done(portal, PRIVACY_OFFICER, owed, "review", REVIEW)
        await eventually(
            of_officer,
            lambda found: {found[owed, rule] for rule in (unapproved, unreviewed)} <= CALM,
        )
        assert (await of_officer())[approved, unreviewed] == "unacknowledged"
        await done(portal, PRIVACY_OFFICER, approved, "review", REVIEW)
        await eventually(of_centre, lambda found: set(found.values()) <= CALM)
        await emergency(portal, OFFICER.id)
    query = "SELECT name FROM timer WHERE name LIKE 'break_glass%' AND id = ANY($1::uuid[])"
    assert await town.rows("portal", query, [UUID(owed), UUID(approved)]) == []
    query = "SELECT data::text FROM event WHERE type LIKE 'break_glass.%_fell_overdue.v1'"
    said = [json.loads(row["data"]) for row in await town.rows("portal", query)]
    assert len(said) == 3 and {name for one in said for name in one} == {"grant_id", "at"}
