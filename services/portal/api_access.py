"""HTTP of break-glass grants: parse, submit, answer. No rule of the domain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from libs.city import City
from libs.common.http import CHANGED, Changed, Desk, Limit, answers, expected, page
from services.portal import access, queries_access
from services.portal.answers import Grant, GrantInWords
from services.portal.bodies import AccessBody, ReviewBody
from services.portal.callers import person_of, posts_of
from services.portal.domain import BREAK_GLASS
from services.portal.domain.break_glass import EndAccess, GrantStatus, RefuseAccess, ReviewAccess

Portal = Desk[City]


def add_routes(router: APIRouter, desk: Portal) -> None:
    _steps(router, desk)
    _reads(router, desk)


def _steps(router: APIRouter, desk: Portal) -> None:
    @router.post("/break-glass", status_code=201, responses=answers(Changed, 201, etag=True))
    async def request_access(request: Request, body: AccessBody) -> Response:
        """To one record or one area that is outside one's scope. An emergency is granted at once;
        another person approves it within 24 hours."""
        told = body.model_dump(exclude={"id"})
        asked = access.Asked(person_of(request), posts_of(request), **told)
        return await desk.command(
            request,
            lambda now: access.request_access(body.id, asked, now),
            body=body,
            id=body.id,
        )

    @router.post("/break-glass/{id}/approve", responses=CHANGED)
    async def approve_access(request: Request, id: UUID) -> Response:
        """By another, whose post is over the one of who asked and over what was asked for."""
        told = (id, person_of(request), posts_of(request), expected(request))
        return await desk.command(request, lambda now: access.approve_access(*told, now))

    @router.post("/break-glass/{id}/refuse", responses=CHANGED)
    async def refuse_access(request: Request, id: UUID) -> Response:
        by = person_of(request)
        return await desk.tell(request, BREAK_GLASS, id, lambda at: RefuseAccess(at, by))

    @router.post("/break-glass/{id}/end", responses=CHANGED)
    async def end_access(request: Request, id: UUID) -> Response:
        """Before its time, by who has it or a desk over them."""
        by = person_of(request)
        return await desk.tell(request, BREAK_GLASS, id, lambda at: EndAccess(at, by))

    @router.post("/break-glass/{id}/review", responses=CHANGED)
    async def review_access(request: Request, id: UUID, body: ReviewBody) -> Response:
        """Within 72 hours, by a privacy officer who neither had nor gave it."""
        by = person_of(request)

        return await desk.tell(
            request,
            BREAK_GLASS,
            id,
            lambda at: ReviewAccess(at, by, body.finding, body.note),
            body,
        )


def _reads(router: APIRouter, desk: Portal) -> None:
    @router.get("/break-glass", responses=answers(page(Grant)))
    async def list_break_glass(
        request: Request,
        status: GrantStatus | None = None,
        limit: Limit = 100,
        after: UUID = queries_access.FIRST,
    ) -> Mapping[str, Any]:
        async with desk.reading(request) as look:
            rows = await queries_access.grants(
                look.connection, after=after, limit=limit, status=status
            )
            return look.page(rows, limit, "id")

    @router.get("/break-glass/{id}", responses=answers(GrantInWords, etag=True))
    async def show_break_glass(request: Request, id: UUID, response: Response) -> Mapping[str, Any]:
        """With the reason in words, while it is kept."""
        async with desk.reading(request) as look:
            found = await queries_access.grant(look.connection, id)
            words = await desk.unsealed(id, await queries_access.sealed(look.connection, id))
            return look.one(found and {**found, "text": words.get("text")}, response)
