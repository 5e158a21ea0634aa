"""HTTP of mediation: parse, submit, answer. No rule of the domain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from libs.city import City
from libs.common.http import CHANGED, Changed, Desk, Limit, Story, answers, expected, page
from libs.common.ids import uuid7
from services.mediation import policies, queries
from services.mediation.answers import CaseShown, Centre
from services.mediation.bodies import CaseBody, GradeBody, PanelBody, ReasonBody, SessionBody
from services.mediation.domain import CASE, commands
from services.mediation.domain.case import CaseStatus

Mediation = Desk[City]


def routes(desk: Mediation) -> APIRouter:
    router = desk.router()
    for part in (_doors, _panel, _ends, _reads, _centres):
        part(router, desk)
    return router


def _doors(router: APIRouter, desk: Mediation) -> None:
    @router.post("/mediation-cases", status_code=201, responses=answers(Changed, 201, etag=True))
    async def apply(request: Request, body: CaseBody) -> Response:
        """Somebody walks in with a dispute; leads open their cases by themselves."""
        id = body.id or uuid7()
        return await desk.command(
            request,
            lambda now: (policies.apply(now, id, body.cell),),
            body=body,
            id=body.id,
        )

    @router.post("/mediation-cases/{id}/accept", responses=CHANGED)
    async def accept(request: Request, id: UUID, body: GradeBody) -> Response:
        """Its month begins (row M5)."""
        version = expected(request)
        return await desk.command(
            request, lambda now: (policies.accept(now, id, body.grade, version),), body=body
        )

    @router.post("/mediation-cases/{id}/decline", responses=CHANGED)
    async def decline(request: Request, id: UUID, body: ReasonBody) -> Response:
        """Not for mediation: its lead comes back as a return."""
        return await desk.tell(
            request, CASE, id, lambda at: commands.Decline(at, body.reason), body
        )


def _panel(router: APIRouter, desk: Mediation) -> None:
    @router.post("/mediation-cases/{id}/form-panel", responses=CHANGED)
    async def form_panel(request: Request, id: UUID, body: PanelBody) -> Response:
        children = tuple((one.party, one.guardian) for one in body.children)
        told = (body.mediators, body.consents, children)
        return await desk.tell(request, CASE, id, lambda at: commands.FormPanel(at, *told), body)

    @router.post("/mediation-cases/{id}/hold-session", responses=CHANGED)
    async def hold_session(request: Request, id: UUID, body: SessionBody) -> Response:
        return await desk.tell(
            request, CASE, id, lambda at: commands.HoldSession(at, body.minutes), body
        )


def _ends(router: APIRouter, desk: Mediation) -> None:
    simple: Mapping[str, Callable[[datetime], commands.Command]] = {
        "agree": commands.Agree,
        "withdraw": commands.Withdraw,
        "record-performance": commands.RecordPerformance,
        "close": commands.Close,
    }

    def step(name: str) -> None:
        @router.post(
            f"/mediation-cases/{{id}}/{name}", name=name.replace("-", "_"), responses=CHANGED
        )
        async def take_step(request: Request, id: UUID) -> Response:
            return await desk.tell(request, CASE, id, simple[name])

    for name in simple:
        step(name)

    @router.post("/mediation-cases/{id}/fail", responses=CHANGED)
    async def fail(request: Request, id: UUID, body: ReasonBody) -> Response:
        return await desk.tell(request, CASE, id, lambda at: commands.Fail(at, body.reason), body)


def _reads(router: APIRouter, desk: Mediation) -> None:
    @router.get("/mediation-cases", responses=answers(page(CaseShown)))
    async def list_cases(
        request: Request,
        lead_id: UUID | None = None,
        centre: str | None = None,
        status: CaseStatus | None = None,
        limit: Limit = 100,
        after: UUID = queries.FIRST,
    ) -> Mapping[str, Any]:
        """Of a centre, or those that came of one lead."""
        async with desk.reading(request) as look:
            if lead_id:
                return look.all(await queries.of_lead(look.connection, lead_id))
            rows = await queries.cases(
                look.connection, after=after, limit=limit, centre=centre, status=status
            )
            return look.page(rows, limit, "id")

    @router.get("/mediation-cases/{id}", responses=answers(CaseShown, etag=True))
    async def show_case(request: Request, id: UUID, response: Response) -> Mapping[str, Any]:
        async with desk.reading(request) as look:
            return look.one(await queries.case(look.connection, id), response)

    @router.get("/mediation-cases/{id}/timeline", responses=answers(Story))
    async def show_timeline(request: Request, id: UUID) -> Mapping[str, Any]:
        async with desk.reading(request) as look:
            return look.story(await queries.timeline(look.connection, id))


def _centres(router: APIRouter, desk: Mediation) -> None:
    @router.get("/mediation-centres", responses=answers(page(Centre)))
    async def list_centres(
        request: Request, limit: Limit = 100, after: str = ""
    ) -> Mapping[str, Any]:
        """Each with its director, who is the community officer in post (row M1)."""
        city = desk.context().facts
        async with desk.reading(request) as look:
            rows = await queries.centres(look.connection, after=after, limit=limit)
            for row in rows:
                officers = city.responsible(row["area"])
                row["director_ref"] = officers[0].person_ref if officers else None
            return look.page(rows, limit, "code")
