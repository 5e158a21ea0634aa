"""Of services that erase too late the privacy officer is told, until the last confirms (row P9)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from cli.city import SERVICES
from libs.common.contracts.registry import SubjectRequestConfirmed
from libs.common.ids import uuid7
from tests.support.awaiting import eventually
from tests.support.servers import Ground
from tests.support.town import PRIVACY_OFFICER, Town, emptied, loaded, town_of

AT_WORK = [service for service in SERVICES if service.name in ("registry", "alerts")]
AWAY = [service for service in SERVICES if service not in AT_WORK]


@pytest.fixture(scope="module")
async def town(servers: Ground) -> AsyncIterator[Town]:
    """Where four of six services are not at work."""
    async with loaded(await emptied(servers), AT_WORK) as there:
        yield there


async def carried_out(town: Town) -> str:
    """A request that those who are at work have confirmed."""
    request = str(uuid7())
    path, granted = f"/subject-requests/{request}", {"granted": True, "reason": "asked_for"}
    filed = await town.privacy.post("/subject-requests", {"record": request})
    assert filed.status_code == 201, filed.text
    for step, body in (("decide", granted), ("carry-out", None)):
        answer = await town.privacy.post(f"{path}/{step}", body)
        assert answer.status_code == 200, answer.text
    missing = sorted(service.name for service in AWAY)
    await eventually(partial(town.privacy.get, path), lambda one: one["missing"] == missing)
    return request


async def told(town: Town, request: str) -> list[dict[str, Any]]:
    items = (await town.privacy.get("/notifications", limit=200))["items"]
    return [one for one in items if one["about"] == request]


async def is_status(town: Town, request: str, status: str) -> bool:
    (alert,) = await told(town, request)
    return bool(alert["status"] == status)


async def day_is_over(town: Town, request: str) -> None:
    """Its due time is moved."""
    due = "UPDATE timer SET due_at = now() WHERE name = 'confirmations' AND id = $1::text::uuid"
    await town.owner("registry", due, request)


async def all_is_read(town: Town, request: str) -> bool:
    """By the alerts, of who has confirmed the request."""
    query = "SELECT event_id FROM event WHERE stream_id = $1 AND type = $2"
    told = await town.rows("registry", query, UUID(request), SubjectRequestConfirmed.type)
    said = {row["event_id"] for row in told}
    read = await town.rows("alerts", "SELECT message_id FROM inbox")
    return said <= {row["message_id"] for row in read}


async def test_the_privacy_officer_is_told_of_the_request_until_the_last_service_has_confirmed(
    town: Town,
) -> None:
    """given: two erasures that four services have not confirmed; when: the day of one is over;
    then: there is an alert, about that request alone, which goes on until the last of the four is
    at work again and has confirmed."""
    (request, in_time), (*most, last) = [await carried_out(town), await carried_out(town)], AWAY
    path = f"/subject-requests/{request}"
    assert not await told(town, request)
    await day_is_over(town, request)
    (alert,) = await eventually(partial(told, town, request), bool)
    assert (alert["rule"], alert["status"]) == ("erasure-overdue", "unacknowledged")
    assert (await town.privacy.get(path))["overdue"]
    query = "SELECT data::text FROM event WHERE type = 'alert.raised.v1' AND stream_id = $1"
    (raised,) = await town.rows("alerts", query, UUID(alert["id"]))
    assert json.loads(raised["data"])["recipients"] == [str(PRIVACY_OFFICER)]
    shown = (await town.get("/alerts", about=request))["items"]
    assert [one["id"] for one in shown] == [alert["id"]], "to the command centre"
    async with town_of(town.settings, most):
        await eventually(partial(town.privacy.get, path), lambda one: one["missing"] == [last.name])
    await eventually(partial(all_is_read, town, request), bool)
    assert await is_status(town, request, "unacknowledged")
    acknowledged = await town.privacy.post(f"/alerts/{alert['id']}/acknowledge")
    assert acknowledged.status_code == 200, acknowledged.text
    async with town_of(town.settings, [last]):
        await eventually(partial(is_status, town, request, "normal"), bool)
    assert (await town.privacy.get(path))["status"] == "confirmed"
    assert not await told(town, in_time)
