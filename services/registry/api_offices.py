"""HTTP of offices, posts, appointments and calendars: parse, submit, answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from libs.common.contracts.registry import OrganisationKind, Role, WorkCalendarPublished
from libs.common.http import Limit, answers, batch, caller_of, expected, not_found, page
from services.registry import policies, queries
from services.registry.answers import (
    Answered,
    OrganisationShown,
    Plan,
    PostShown,
    Registry,
    answer_of,
    item,
    one,
)
from services.registry.bodies import (
    AppointmentBatch,
    AppointmentBody,
    CalendarBatch,
    CalendarBody,
    EndBody,
    OrganisationBatch,
    OrganisationBody,
    PostBatch,
    PostBody,
)


def _organisations(router: APIRouter, desk: Registry) -> None:
    def register(body: OrganisationBody) -> Plan:
        return one(lambda now: policies.register_organisation(now, body.description()))

    @router.post("/organisations", status_code=201, responses=answers(Answered, 201, etag=True))
    async def register_organisation(request: Request, body: OrganisationBody) -> Response:
        answer = answer_of(policies.organisation_id(body.code), body.code)
        return await desk.command(request, register(body), body=body, answer=answer)

    @router.post("/organisations/batch", responses=answers(batch(Answered)))
    async def register_organisations(request: Request, batch: OrganisationBatch) -> Response:
        return await desk.commands(
            request,
            batch.items,
            lambda body: item(register(body), body, policies.organisation_id(body.code)),
        )

    @router.put("/organisations/{code}", responses=answers(Answered, etag=True))
    async def change_organisation(request: Request, code: str, body: OrganisationBody) -> Response:
        if body.code != code:
            raise not_found()
        told, version = body.description(), expected(request)
        plan = one(lambda now: policies.change_organisation(now, told, version))
        answer = answer_of(policies.organisation_id(code), code)
        return await desk.command(request, plan, body=body, answer=answer)

    @router.post("/organisations/{code}/close", responses=answers(Answered, etag=True))
    async def close_organisation(request: Request, code: str) -> Response:
        version = expected(request)
        plan = one(lambda _: policies.close_organisation(code, version))
        answer = answer_of(policies.organisation_id(code), code)
        return await desk.command(request, plan, answer=answer)


def _organisation_reads(router: APIRouter, desk: Registry) -> None:
    @router.get("/organisations", responses=answers(page(OrganisationShown)))
    async def list_organisations(
        request: Request,
        kind: OrganisationKind | None = None,
        area: str | None = None,
        community: str | None = None,
        limit: Limit = 100,
        after: str = "",
    ) -> Mapping[str, Any]:
        wanted = {"kind": kind, "area": area, "community": community}
        async with desk.reading(request) as look:
            rows = await queries.organisations(look.connection, after=after, limit=limit, **wanted)
            return look.page(rows, limit, "code")


def _posts(router: APIRouter, desk: Registry) -> None:
    def establish(body: PostBody) -> Plan:
        return one(lambda now: policies.establish_post(now, body.description()))

    @router.post("/posts", status_code=201, responses=answers(Answered, 201, etag=True))
    async def establish_post(request: Request, body: PostBody) -> Response:
        answer = answer_of(policies.post_id(body.code), body.code)
        return await desk.command(request, establish(body), body=body, answer=answer)

    @router.post("/posts/batch", responses=answers(batch(Answered)))
    async def establish_posts(request: Request, batch: PostBatch) -> Response:
        return await desk.commands(
            request,
            batch.items,
            lambda body: item(establish(body), body, policies.post_id(body.code)),
        )

    @router.post("/posts/{code}/abolish", responses=answers(Answered, etag=True))
    async def abolish_post(request: Request, code: str) -> Response:
        version = expected(request)
        plan = one(lambda now: policies.abolish_post(now, code, version))
        return await desk.command(request, plan, answer=answer_of(policies.post_id(code), code))

    @router.get("/posts", responses=answers(page(PostShown)))
    async def list_posts(
        request: Request,
        role: Role | None = None,
        area: str | None = None,
        organisation: str | None = None,
        limit: Limit = 100,
        after: str = "",
    ) -> Mapping[str, Any]:
        """Posts, each with the reference of who holds it now."""
        wanted = {"role": role, "area": area, "organisation": organisation}
        async with desk.reading(request) as look:
            rows = await queries.posts(look.connection, after=after, limit=limit, **wanted)
            return look.page(rows, limit, "code")


def _appointments(router: APIRouter, desk: Registry) -> None:
    def appoint(request: Request, body: AppointmentBody) -> Plan:
        by = caller_of(request).person
        told = (body.post, body.person_ref, body.valid_from, body.id, by)
        return one(lambda now: policies.appoint(now, *told))

    def id_of(body: AppointmentBody) -> UUID:
        return body.id or policies.appointment_id(body.post, body.person_ref)

    @router.post("/appointments", status_code=201, responses=answers(Answered, 201, etag=True))
    async def appoint_person(request: Request, body: AppointmentBody) -> Response:
        answer = answer_of(id_of(body), body.post)
        return await desk.command(request, appoint(request, body), body=body, answer=answer)

    @router.post("/appointments/batch", responses=answers(batch(Answered)))
    async def appoint_persons(request: Request, batch: AppointmentBatch) -> Response:
        return await desk.commands(
            request,
            batch.items,
            lambda body: item(appoint(request, body), body, id_of(body), body.post),
        )

    @router.post("/appointments/{id}/end", responses=answers(Answered, etag=True))
    async def end_appointment(request: Request, id: UUID, body: EndBody) -> Response:
        version = expected(request)
        plan = one(lambda now: policies.end_appointment(now, id, body.valid_to, version))
        return await desk.command(request, plan, body=body, answer=answer_of(id, None))


def _calendars(router: APIRouter, desk: Registry) -> None:
    def publish(body: CalendarBody) -> Plan:
        return one(lambda _: policies.publish_calendar(body.times()))

    @router.post("/work-calendars", status_code=201, responses=answers(Answered, 201, etag=True))
    async def publish_calendar(request: Request, body: CalendarBody) -> Response:
        answer = answer_of(policies.calendar_id(body.year), str(body.year))
        return await desk.command(request, publish(body), body=body, answer=answer)

    @router.post("/work-calendars/batch", responses=answers(batch(Answered)))
    async def publish_calendars(request: Request, batch: CalendarBatch) -> Response:
        return await desk.commands(
            request,
            batch.items,
            lambda body: item(publish(body), body, policies.calendar_id(body.year), str(body.year)),
        )

    @router.get("/work-calendars/{year}", responses=answers(WorkCalendarPublished))
    async def show_calendar(request: Request, year: int) -> Mapping[str, Any]:
        async with desk.reading(request) as look:
            return look.one(await queries.calendar(look.connection, year))


OFFICES = (_organisations, _organisation_reads, _posts, _appointments, _calendars)
