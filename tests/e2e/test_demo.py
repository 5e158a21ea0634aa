"""The demo as a stranger runs it, on the servers of the test."""

from __future__ import annotations

import json

import pytest

from cli.city import SERVICES
from libs.common import provisioning
from tests.support.command import command
from tests.support.journals import counted
from tests.support.servers import ROOT, Ground
from tests.support.town import forget_topics


@pytest.mark.timeout(200)
async def test_one_lead_of_each_kind_goes_through_everything(servers: Ground) -> None:
    file = provisioning.topics_file(ROOT)
    await forget_topics(servers, list(file.topics))
    settings = await servers.provide(SERVICES, file)
    told = json.loads(command(settings, "demo", "--once", "--json"))
    leads, people = told["leads"], told["people"]
    assert [one["sign-in name"] for one in people] == ["informant", "officer", "town", "centre"]
    assert [lead["kind"] for lead in leads] == ["clue", "hazard", "dispute", "service"]
    for lead in leads:
        times = lead["milliseconds"]
        assert [name for name in times if times[name] is None] == (
            [] if lead["kind"] == "dispute" else ["mediated"]
        )
        assert (lead["mediation_case"] is not None) == (lead["kind"] == "dispute")
        assert len(lead["alert_recipients"]) == len(set(lead["alert_recipients"])) == 3
        assert lead["police_room"] == f"police_room-{lead['cell'][:12]}"
        assert lead["score_before"] != lead["score_after"]
    story = json.loads(command(settings, "trace", leads[2]["id"], "--json"))
    told = [step["type"] for step in story]
    assert told[0] == "lead.captured.v1"
    for step in ("alert.raised.v1", "mediation_case.closed.v1", "lead.fed_back.v1"):
        assert step in told
    assert "counted lead.closed.v1" in told
    counts = {one["service"]: one for one in json.loads(command(settings, "status", "--json"))}
    assert {one["dead_letters"] for one in counts.values()} == {0}
    ours, all = await counted(settings.url("registry", "writer"), "civicgrid.registry")
    assert ours == 31_013
    assert ours <= counts["registry"]["events"] <= all
