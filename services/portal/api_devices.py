"""HTTP of devices: parse, submit, answer. No rule of the domain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from libs.city import City
from libs.common.http import CHANGED, Changed, Desk, Limit, answers, page
from libs.common.messages import Effect
from services.portal import policies, queries
from services.portal.answers import DeviceShown
from services.portal.bodies import DeviceBody
from services.portal.callers import account_of, session_of
from services.portal.domain import DEVICE
from services.portal.domain.device import RegisterDevice, RevokeDevice


def add_routes(router: APIRouter, desk: Desk[City]) -> None:
    @router.post("/devices", status_code=201, responses=answers(Changed, 201, etag=True))
    async def register_device(request: Request, body: DeviceBody) -> Response:
        """The one that this session is on. Whoever signs in on it later names it, and is out once
        it is revoked."""
        by = (account_of(request), session_of(request))

        def plan(now: policies.Now) -> Iterable[Effect]:
            return (DEVICE.to(body.id, RegisterDevice(now.now, *by)),)

        return await desk.command(request, plan, body=body, id=body.id)

    @router.post("/devices/{id}/revoke", responses=CHANGED)
    async def revoke_device(request: Request, id: UUID) -> Response:
        """All sessions on it end."""
        by = account_of(request)
        return await desk.tell(request, DEVICE, id, lambda at: RevokeDevice(at, by))

    @router.get("/devices", responses=answers(page(DeviceShown)))
    async def list_devices(
        request: Request,
        account: UUID | None = None,
        limit: Limit = 100,
        after: UUID = queries.FIRST,
    ) -> Mapping[str, Any]:
        """One's own; for a founder, those of all."""
        async with desk.reading(request) as look:
            rows = await queries.devices(look.connection, after=after, limit=limit, account=account)
            return look.page(rows, limit, "id")
