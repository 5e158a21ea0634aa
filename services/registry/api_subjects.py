"""HTTP of what is asked about subjects: parse, submit, answer. It names records, never persons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from libs.common.http import CHANGED, Changed, Limit, answers, page
from libs.privacy import erasing
from services.registry import queries, subjects
from services.registry.answers import Registry, SubjectRequest, one
from services.registry.bodies import DecisionBody, HoldBody, SubjectRequestBody
from services.registry.domain.subject_request import (
    SUBJECT_REQUEST,
    CarryOut,
    Decide,
    Hold,
    Release,
    RequestStatus,
)

FIRST = UUID(int=0)


def _requests(router: APIRouter, desk: Registry) -> None:
    async def tell(
        request: Request, id: UUID, make: Callable[[datetime], Any], body: BaseModel | None = None
    ) -> Response:
        """Of a party its record is audited, too: who asks about that is told of it."""
        async with desk.looking() as connection:
            found = await queries.request(connection, id)
        about = (UUID(found["record"]),) if found and found["record"] else ()
        return await desk.tell(request, SUBJECT_REQUEST, id, make, body, about)

    @router.post("/subject-requests", status_code=201, responses=answers(Changed, 201, etag=True))
    async def file_request(request: Request, body: SubjectRequestBody) -> Response:
        """To erase what a record holds, or what it holds of one party (row P9). Any id is taken;
        the request says whether there is anything to erase (`had_content`)."""
        told = (body.record, body.party)
        had_content = await desk.has_content(erasing.subjects_of(*told))
        plan = one(lambda now: subjects.file_request(now, *told, had_content))
        return await desk.command(request, plan, body=body)

    @router.post("/subject-requests/{id}/decide", responses=CHANGED)
    async def decide_request(request: Request, id: UUID, body: DecisionBody) -> Response:
        return await tell(request, id, lambda at: Decide(at, body.granted, body.reason), body)

    @router.post("/subject-requests/{id}/carry-out", responses=CHANGED)
    async def carry_out(request: Request, id: UUID) -> Response:
        """409 while a legal hold stands. Then every service destroys the keys, for good."""
        async with desk.looking() as connection:
            found = await queries.request(connection, id)
        subjects = found["subjects"] if found else ()
        had_content = await desk.has_content(map(UUID, subjects))
        return await tell(request, id, lambda at: CarryOut(at, had_content))

    @router.post("/subject-requests/{id}/hold", responses=CHANGED)
    async def hold_subject(request: Request, id: UUID, body: HoldBody) -> Response:
        """`ground`: number of the order that forbids to erase it; the same once more says that
        it was reviewed and is needed still. Any id is taken, but of what is erased or about to be
        (409); the request says whether there is anything to hold (`had_content`)."""
        told = (body.ground, await desk.has_content(erasing.subjects_of(id, None)))
        return await tell(request, id, lambda at: Hold(at, *told), body)

    @router.post("/subject-requests/{id}/release", responses=CHANGED)
    async def release_subject(request: Request, id: UUID) -> Response:
        return await tell(request, id, Release)


def _reads(router: APIRouter, desk: Registry) -> None:
    @router.get("/subject-requests", responses=answers(page(SubjectRequest)))
    async def list_requests(
        request: Request,
        status: RequestStatus | None = None,
        holds_due: bool = False,
        limit: Limit = 100,
        after: UUID = FIRST,
    ) -> Mapping[str, Any]:
        """`holds_due`: those alone whose legal hold nobody reviewed for a year."""
        wanted: dict[str, Any] = {"after": after, "limit": limit, "status": status}
        async with desk.reading(request) as look:
            if holds_due:
                at = desk.context().now
                rows = await queries.holds_due(look.connection, at=at, **wanted)
            else:
                rows = await queries.requests(look.connection, **wanted)
            return look.page(rows, limit, "id")

    @router.get("/subject-requests/{id}", responses=answers(SubjectRequest, etag=True))
    async def show_request(request: Request, id: UUID, response: Response) -> Mapping[str, Any]:
        """`missing`: services that have not confirmed yet; `had_content`: whether there was any
        when this was filed, held or carried out: of a record that nobody knows there is none."""
        async with desk.reading(request) as look:
            return look.one(await queries.request(look.connection, id), response)


SUBJECTS = (_requests, _reads)
