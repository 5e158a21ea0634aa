"""One service is stopped: the others go on, and it catches up alone."""

from __future__ import annotations

from functools import partial

import pytest

from cli.city import SERVICES
from libs.common import provisioning
from libs.common.ids import uuid7
from libs.common.serving import started
from services.registry import reference
from tests.support.awaiting import eventually
from tests.support.servers import ROOT, Ground
from tests.support.town import PLAN, SEED, Town, forget_topics, town_of

LEADS = 30


async def counted(town: Town, service: str, query: str) -> int:
    return int((await town.rows(service, f"SELECT count(*) AS n FROM {query}"))[0]["n"])


@pytest.mark.timeout(200)
async def test_scoring_is_away_while_leads_are_alerted_and_mediated(servers: Ground) -> None:
    file = provisioning.topics_file(ROOT)
    await forget_topics(servers, list(file.topics))
    settings = await servers.provide(SERVICES, file)
    async with town_of(settings) as town:
        await town.load(reference.batches(PLAN, SEED))
        await town.spread()
    others = [one for one in SERVICES if one.name != "scoring"]
    async with town_of(settings, others) as town:
        cell = (await town.get("/areas", level="grid_l3", limit=1))["items"][0]["code"]
        for _ in range(LEADS):
            body = {"id": str(uuid7()), "lead_type": "wage_dispute", "cell": cell}
            assert (await town.post("/leads", body)).status_code == 201
        alerts = partial(counted, town, "alerts", "alert")
        cases = partial(counted, town, "mediation", "mediation_case")
        await eventually(alerts, LEADS.__eq__)
        await eventually(cases, LEADS.__eq__)
        applied = partial(counted, town, "scoring", "applied WHERE type = 'lead.captured.v1'")
        assert await applied() == 0
        scoring = next(one for one in SERVICES if one.name == "scoring")
        async with started([scoring], settings):
            await eventually(applied, LEADS.__eq__)
