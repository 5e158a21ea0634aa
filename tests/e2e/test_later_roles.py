"""A service of an older release beside the others, while posts of roles that it does not know are
established; then it is upgraded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from cli.city import SERVICES
from libs.common import provisioning
from libs.common.database import session
from libs.common.ids import uuid7
from libs.common.relay import republish
from libs.common.service import Service
from services.registry import reference
from tests.support.awaiting import eventually
from tests.support.servers import ROOT, Ground
from tests.support.town import PLAN, PRIVACY_OFFICER, SEED, Town, forget_topics, is_ok, town_of

HELD = "SELECT person_ref FROM city_appointment"


def of_before(service: Service) -> Service:
    """As it was when events had but one version."""
    projections = [
        replace(one, on={event: rows for event, rows in one.on.items() if event.type[-2:] == "v1"})
        for one in service.projections
    ]
    return replace(service, projections=tuple(projections))


async def persons(town: Town, service: str) -> set[Any]:
    return {row["person_ref"] for row in await town.rows(service, HELD)}


async def dead(town: Town, services: Iterable[str]) -> int:
    counts = [await town.rows(name, "SELECT count(*) FROM dead_letter") for name in services]
    return sum(int(rows[0]["count"]) for rows in counts)


@pytest.mark.timeout(200)
async def test_who_knows_v1_alone_is_not_disturbed_and_catches_up_later(servers: Ground) -> None:
    file = provisioning.topics_file(ROOT)
    await forget_topics(servers, list(file.topics))
    settings = await servers.provide(SERVICES, file)
    older = [of_before(one) if one.name == "scoring" else one for one in SERVICES]

    # given an older release of scoring, when the city and its privacy officer come
    async with town_of(settings, older) as town:
        await town.load(reference.batches(PLAN, SEED))
        everybody = await persons(town, "registry")
        assert PRIVACY_OFFICER in everybody
        await eventually(partial(persons, town, "leads"), everybody.__eq__)

        # then it knows all but the officer, nothing died there, and it counts as ever
        known = everybody - {PRIVACY_OFFICER}
        await eventually(partial(persons, town, "scoring"), known.__eq__)
        await eventually(partial(town.client.get, "/leads"), is_ok)
        cell = (await town.get("/areas", level="grid_l3", limit=1))["items"][0]["code"]
        lead = {"id": str(uuid7()), "lead_type": "theft", "cell": cell}
        assert (await town.post("/leads", lead)).status_code == 201
        counted = "SELECT 1 FROM tally WHERE subject = $1"
        await eventually(partial(town.rows, "scoring", counted, cell), bool)
        assert await persons(town, "scoring") == known
        assert await dead(town, town.running) == 0

    # when it is upgraded and the registry tells its story again, then it knows her too
    async with town_of(settings) as town:
        async with session(settings.url("registry", "writer")) as connection:
            await republish(connection, datetime(2020, 1, 1, tzinfo=UTC))
        await eventually(partial(persons, town, "scoring"), everybody.__eq__)
        assert await dead(town, town.running) == 0
