"""A service comes up again, and is recovered, where two of its aggregates have one id: as has what
the police share and what is asked of its subject, or whatever a client gives one id to."""

from __future__ import annotations

from functools import partial

import pytest

from cli.city import SERVICES
from libs.common import provisioning
from libs.common.ids import uuid7
from libs.common.running import OldDatabase
from libs.common.serving import started
from libs.common.settings import Settings
from services.registry import reference, sources
from services.registry.main import SERVICE
from tests.e2e.small_city.plan import COMMUNITY
from tests.e2e.small_city.test_content import OFFICER
from tests.e2e.small_city.test_planted import _LATER
from tests.e2e.small_city.test_sharing import (
    TOWN_CENTRE,
    admitted,
    entries_of,
    keys_of,
    read,
    submit,
)
from tests.e2e.small_city.test_sharing_ends import (
    NONE,
    decided,
    held,
    rejected,
    released,
    state_of,
    withdrawn,
)
from tests.faults.test_restore import KEYS, back_up, restore
from tests.support.awaiting import eventually
from tests.support.checks import check_states
from tests.support.command import command_json
from tests.support.servers import ROOT, Ground
from tests.support.town import PLAN, SEED, Town, forget_topics, is_ok, town_of

UNPUBLISHED = f"SELECT count(*) AS n FROM event, relay WHERE {_LATER}"


@pytest.fixture
async def settings(servers: Ground) -> Settings:
    file = provisioning.topics_file(ROOT)
    await forget_topics(servers, list(file.topics))
    return await servers.provide(SERVICES, file)


async def begun(town: Town) -> None:
    for person in (OFFICER, TOWN_CENTRE):
        await eventually(partial(town.of(person.id).client.get, "/shared-batches"), is_ok)


async def all_told(town: Town, service: str = "registry") -> None:
    told = partial(town.rows, service, UNPUBLISHED)
    await eventually(told, lambda rows: rows[0]["n"] == 0, within=60)


async def test_one_id_for_two_things_keeps_no_service_from_starting(settings: Settings) -> None:
    """given: an officer who gives one id to a device and to what they ask for; when: the portal
    starts again; then: it does."""
    id, services = str(uuid7()), [one for one in SERVICES if one.name in ("registry", "portal")]
    asked = {"id": id, "area": COMMUNITY, "reason": "missing_person", "case_id": str(uuid7())}
    async with town_of(settings, services) as town:
        await town.load(reference.batches(PLAN, SEED))
        officer = town.of(OFFICER.id)
        await eventually(partial(officer.client.get, "/break-glass"), is_ok)
        for path, body in (
            ("/devices", {"id": id}),
            ("/break-glass", {**asked, "text": "the child was last seen there"}),
        ):
            assert (await officer.post(path, body)).status_code == 201
        await all_told(town, "portal")
    async with town_of(settings, services) as town:
        assert (await town.of(OFFICER.id).get(f"/break-glass/{id}"))["status"] == "requested"


@pytest.mark.timeout(600)
async def test_what_went_stays_gone(servers: Ground, settings: Settings) -> None:
    key = sources.made("bureau")
    assert settings.tokens
    sources.add(settings.tokens, key)
    async with town_of(settings, [SERVICE]) as town:
        await town.load(reference.batches(PLAN, SEED))
        await begun(town)
        gone, kept = await admitted(town, key)
        waits = (await submit(town, key)).json()["id"]
        turned_down = (await submit(town, key)).json()["id"]
        await all_told(town)
    for name in ("registry", KEYS):
        await back_up(servers, name)
    async with town_of(settings, [SERVICE]) as town:
        await begun(town)
        await withdrawn(town, gone)
        await held(town, kept)
        await withdrawn(town, kept)
        await rejected(town, turned_down)
        (late, _) = await admitted(town, key)
        others = await entries_of(town, turned_down)
        await eventually(partial(keys_of, town, [gone, turned_down, *others]), NONE)
        wanted = [await state_of(town, one) for one in (gone, kept, late, *others)]
        await all_told(town)
    for name in ("registry", KEYS):
        await restore(servers, name)
    with pytest.raises(OldDatabase):
        async with started([SERVICE], settings):
            pass
    findings = command_json(settings, "doctor", "--recover")
    assert [one["service"] for one in findings if not one["is_well"]] == []
    async with town_of(settings, [SERVICE]) as town:
        await begun(town)
        assert [await state_of(town, one) for one in (gone, kept, late, *others)] == wanted
        assert await keys_of(town, [gone, turned_down, *others]) == []
        for entry in (gone, kept, late):
            assert (await read(town, entry)).status_code == 404
        assert (await decided(town, waits, "approve")).status_code == 200
        await released(town, kept)
        await eventually(partial(keys_of, town, [kept]), NONE)
        await check_states(settings, SERVICE)
