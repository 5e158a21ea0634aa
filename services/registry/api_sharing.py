"""HTTP of what the police share. No list, and no answer but one, says what is in an entry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from libs.common.http import FOR_A_PURPOSE, Limit, caller_of, case_of, not_found, takes
from libs.common.http.requests import PURPOSE
from libs.common.ids import own
from libs.common.messages import Refused
from libs.privacy.register import registered
from services.registry import queries, sharing, sharing_faults, sources
from services.registry.answers import Registry, answer_of, one
from services.registry.bodies import ReasonBody, RetainBody, SharedBatchBody
from services.registry.domain.shared_batch import SHARED_BATCH, Approve, Refuse, Reject
from services.registry.domain.shared_entry import SHARED_ENTRY, Retain, Withdraw
from services.registry.sharing_faults import Known

FIRST = UUID(int=0)
BATCHES = own("shared batches")
"""Whose key makes the ids of batches: they tell nobody what is in one."""
MOST_KEPT = 100
"""Of the reasons for which a batch was refused; its sender is told all of them."""


def _person(request: Request) -> UUID:
    """Who asks, as the registry knows them. The founder, who has no post, may share nothing."""
    person = caller_of(request).person
    if person is None:
        raise not_found()
    return person


def _submission(router: APIRouter, desk: Registry) -> None:
    @router.post("/shared-batches", status_code=201, openapi_extra=takes(2))
    async def submit_batch(request: Request, body: SharedBatchBody) -> Response:
        """By one person, to be approved by another (row R14). All that is wrong is told at once;
        of what is refused its id and the reasons are kept, and nothing else."""
        document = json.loads(await request.body())
        digest, person = sources.digest(document), _person(request)
        id, context = await desk.alias(BATCHES, digest), desk.context()
        signed = _is_signed(desk, body, digest)
        known = Known(context.facts, registered(), context.now, person, signed)
        if faults := sharing_faults.found(body, known):
            area = context.facts.area(body.area or "")
            await _refuse(desk, request, id, area.community if area else None, faults)
        today = context.now.astimezone(UTC).date()
        if (n := sharing_faults.without_guardian(body, today)) is not None:
            raise Refused("guardian_required", path=f"/entries/{n}/guardian")
        plan, answer = (
            partial(sharing.submit, id=id, by=person, batch=body),
            answer_of(id, body.document),
        )
        return await desk.command(request, plan, body=body, answer=answer)


def _is_signed(desk: Registry, body: SharedBatchBody, digest: str) -> bool | None:
    if body.source is None or desk.settings is None:
        return None
    key = sources.key_of(desk.settings.tokens, body.source)
    if key is None:
        return None
    return sources.is_signed(key, body.source, body.signature or "", digest)


async def _refuse(
    desk: Registry,
    request: Request,
    id: UUID,
    community: str | None,
    faults: list[sharing_faults.Fault],
) -> None:
    told = [f"{fault.path.replace('/', '.').strip('.')}:{fault.code}" for fault in faults]
    reasons = tuple(told[:MOST_KEPT])
    plan = one(lambda now: SHARED_BATCH.to(id, Refuse(now.now, community, reasons)))
    await desk.done(request, plan, code="batch_refused")
    raise Refused("batch_refused", status=422, errors=[fault._asdict() for fault in faults])


def _decisions(router: APIRouter, desk: Registry) -> None:
    @router.post("/shared-batches/{id}/approve")
    async def approve_batch(request: Request, id: UUID) -> Response:
        """By another person than who submitted it; its entries are in force from now on."""
        by = _person(request)
        return await desk.tell(request, SHARED_BATCH, id, lambda at: Approve(at, by))

    @router.post("/shared-batches/{id}/reject")
    async def reject_batch(request: Request, id: UUID, body: ReasonBody) -> Response:
        by = _person(request)
        return await desk.tell(
            request, SHARED_BATCH, id, lambda at: Reject(at, by, body.reason), body
        )

    @router.post("/shared-entries/{id}/retain")
    async def retain_entry(request: Request, id: UUID, body: RetainBody) -> Response:
        """Needed still: once, and for no longer than at first (row P8)."""
        told = (_person(request), body.until, body.reason)
        return await desk.tell(request, SHARED_ENTRY, id, lambda at: Retain(at, *told), body)

    @router.post("/shared-entries/{id}/withdraw")
    async def withdraw_entry(request: Request, id: UUID, body: ReasonBody) -> Response:
        """It is gone at once, and for good; 409 while a legal hold is on it."""
        by = _person(request)
        return await desk.tell(
            request, SHARED_ENTRY, id, lambda at: Withdraw(at, by, body.reason), body
        )


def _reads(router: APIRouter, desk: Registry) -> None:
    @router.get("/shared-batches")
    async def list_batches(
        request: Request, status: str | None = None, limit: Limit = 100, after: UUID = FIRST
    ) -> Mapping[str, Any]:
        async with desk.reading(request) as look:
            rows = await queries.batches(look.connection, after=after, limit=limit, status=status)
            return look.page(rows, limit, "id")

    @router.get("/shared-batches/{id}")
    async def show_batch(request: Request, id: UUID, response: Response) -> Mapping[str, Any]:
        """Its papers, with category and purpose, for who approves it; nothing of its entries."""
        async with desk.reading(request) as look:
            found = await queries.batch(look.connection, id)
            if found is None:
                raise not_found()
            sealed = await queries.first_sealed(look.connection, id)
            return look.one({**found, **await desk.unsealed(id, sealed)}, response)

    @router.get("/shared-entries")
    async def list_entries(
        request: Request, status: str = "active", limit: Limit = 100, after: UUID = FIRST
    ) -> Mapping[str, Any]:
        """References and terms, never what they are about (row R15)."""
        wanted: dict[str, Any] = {"after": after, "limit": limit, "status": status}
        async with desk.reading(request) as look:
            rows = await queries.entries(look.connection, at=desk.context().now, **wanted)
            return look.page(rows, limit, "id")

    @router.get("/shared-entries/{id}", openapi_extra=FOR_A_PURPOSE)
    async def show_entry(request: Request, id: UUID, response: Response) -> Mapping[str, Any]:
        """What it says, while it is in force, for the purpose of its category; the case at hand is
        the entry itself (rows P5, R15)."""
        async with desk.reading(request) as look:
            found = await queries.entry_in_force(look.connection, id, desk.context().now)
            if found is None or case_of(request) != id:
                raise not_found()
            told = await desk.unsealed(id, await queries.first_sealed(look.connection, id))
            if not told or told["purpose"] != request.headers[PURPOSE]:
                raise not_found()
            response.headers["Cache-Control"] = "no-store"
            return look.one({**found, **told}, response)


SHARING = (_submission, _decisions, _reads)
