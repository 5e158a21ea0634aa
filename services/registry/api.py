"""HTTP of the registry: parse, submit, answer. No rule of the domain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime

from libs.city import City
from libs.common.contracts.registry import Level, OrganisationKind, Role
from libs.common.http import Desk, Item, expected, not_found, page
from libs.common.messages import Effect, Envelope, Instruction
from services.registry import policies, queries
from services.registry.bodies import (
    AppointmentBatch,
    AppointmentBody,
    AreaBatch,
    AreaBody,
    CalendarBatch,
    CalendarBody,
    EndBody,
    OrganisationBatch,
    OrganisationBody,
    PostBatch,
    PostBody,
)
from services.registry.policies import Now

Limit = Annotated[int, Query(ge=1, le=200)]
Longitude = Annotated[float, Query(ge=-180, le=180)]
Latitude = Annotated[float, Query(ge=-90, le=90)]
Accuracy = Annotated[float, Query(ge=0, le=10_000)]
Plan = Callable[[Now], Iterable[Effect]]
Answer = Callable[[Sequence[Envelope]], Mapping[str, Any]]
Registry = Desk[City]


def routes(desk: Registry) -> APIRouter:
    router = APIRouter()
    for part in PARTS:
        part(router, desk)
    return router


def _area_commands(router: APIRouter, desk: Registry) -> None:
    @router.post("/areas")
    async def open_area(request: Request, body: AreaBody) -> Response:
        """Open an area; the same again changes nothing, other content changes it."""
        answer = _answer(policies.area_id(body.code), body.code)
        return await desk.command(request, _open(body), body=body, created=True, answer=answer)

    @router.post("/areas/batch")
    async def open_areas(request: Request, batch: AreaBatch) -> Response:
        """Up to 500, parents in an earlier request than their children."""
        items = [_item(_open(one), one, policies.area_id(one.code)) for one in batch.items]
        return await desk.commands(request, items)

    @router.put("/areas/{code}")
    async def change_area(request: Request, code: str, body: AreaBody) -> Response:
        if body.code != code:
            raise not_found()
        told, since, version = body.description(), body.valid_from, expected(request)
        plan = _one(lambda now: policies.change_area(now, told, since, version))
        answer = _answer(policies.area_id(code), code)
        return await desk.command(request, plan, body=body, answer=answer)

    @router.post("/areas/{code}/close")
    async def close_area(request: Request, code: str, body: EndBody) -> Response:
        version = expected(request)
        plan = _one(lambda now: policies.close_area(now, code, body.valid_to, version))
        answer = _answer(policies.area_id(code), code)
        return await desk.command(request, plan, body=body, answer=answer)


def _area_reads(router: APIRouter, desk: Registry) -> None:
    @router.get("/areas")
    async def list_areas(
        level: Level | None = None,
        parent: str | None = None,
        as_of: AwareDatetime | None = None,
        limit: Limit = 100,
        after: str = "",
    ) -> Mapping[str, Any]:
        """Areas in force, now or at an instant, by code."""
        at = as_of or desk.context().now
        wanted: dict[str, Any] = {"at": at, "level": level, "parent": parent}
        async with desk.reading() as connection:
            rows = await queries.areas(connection, after=after, limit=limit, **wanted)
        return page(rows, limit, "code")


def _area_searches(router: APIRouter, desk: Registry) -> None:
    @router.get("/areas/locate")
    async def locate(
        lon: Longitude,
        lat: Latitude,
        accuracy_m: Accuracy = 0.0,
        as_of: AwareDatetime | None = None,
    ) -> Mapping[str, Any]:
        """The chain from the city to the cell of a point, WGS 84 (row R24)."""
        context = desk.context()
        found = context.facts.locate(lon, lat, accuracy_m, at=as_of or context.now)
        return _located(context.facts, [area.code for area in found])

    @router.get("/areas/uncovered")
    async def list_uncovered(
        as_of: AwareDatetime | None = None, limit: Limit = 100, after: str = ""
    ) -> Mapping[str, Any]:
        """Cells that nobody answers for, now or at an instant (row R10)."""
        at = as_of or desk.context().now
        async with desk.reading() as connection:
            rows = await queries.uncovered(connection, at=at, after=after, limit=limit)
        return page(rows, limit, "code")

    @router.get("/areas/counts")
    async def count() -> Mapping[str, int]:
        """Of areas by level, organisations by kind, posts, and persons who hold one."""
        async with desk.reading() as connection:
            return await queries.counts(connection)


def _area(router: APIRouter, desk: Registry) -> None:
    @router.get("/areas/{code}")
    async def show_area(code: str, response: Response) -> Mapping[str, Any]:
        """An area with its polygon, closed or not."""
        async with desk.reading() as connection:
            found = await queries.area(connection, code)
        if found is None:
            raise not_found()
        response.headers["ETag"] = f'"{found["version"]}"'
        return found


def _organisations(router: APIRouter, desk: Registry) -> None:
    def register(body: OrganisationBody) -> Plan:
        return _one(lambda now: policies.register_organisation(now, body.description()))

    @router.post("/organisations")
    async def register_organisation(request: Request, body: OrganisationBody) -> Response:
        answer = _answer(policies.organisation_id(body.code), body.code)
        return await desk.command(request, register(body), body=body, created=True, answer=answer)

    @router.post("/organisations/batch")
    async def register_organisations(request: Request, batch: OrganisationBatch) -> Response:
        ids = [policies.organisation_id(one.code) for one in batch.items]
        items = [_item(register(one), one, id) for one, id in zip(batch.items, ids, strict=True)]
        return await desk.commands(request, items)

    @router.put("/organisations/{code}")
    async def change_organisation(request: Request, code: str, body: OrganisationBody) -> Response:
        if body.code != code:
            raise not_found()
        told, version = body.description(), expected(request)
        plan = _one(lambda now: policies.change_organisation(now, told, version))
        answer = _answer(policies.organisation_id(code), code)
        return await desk.command(request, plan, body=body, answer=answer)

    @router.post("/organisations/{code}/close")
    async def close_organisation(request: Request, code: str) -> Response:
        version = expected(request)
        plan = _one(lambda _: policies.close_organisation(code, version))
        answer = _answer(policies.organisation_id(code), code)
        return await desk.command(request, plan, answer=answer)


def _organisation_reads(router: APIRouter, desk: Registry) -> None:
    @router.get("/organisations")
    async def list_organisations(
        kind: OrganisationKind | None = None,
        area: str | None = None,
        community: str | None = None,
        limit: Limit = 100,
        after: str = "",
    ) -> Mapping[str, Any]:
        wanted = {"kind": kind, "area": area, "community": community}
        async with desk.reading() as connection:
            rows = await queries.organisations(connection, after=after, limit=limit, **wanted)
        return page(rows, limit, "code")


def _posts(router: APIRouter, desk: Registry) -> None:
    def establish(body: PostBody) -> Plan:
        return _one(lambda now: policies.establish_post(now, body.description()))

    @router.post("/posts")
    async def establish_post(request: Request, body: PostBody) -> Response:
        answer = _answer(policies.post_id(body.code), body.code)
        return await desk.command(request, establish(body), body=body, created=True, answer=answer)

    @router.post("/posts/batch")
    async def establish_posts(request: Request, batch: PostBatch) -> Response:
        items = [_item(establish(one), one, policies.post_id(one.code)) for one in batch.items]
        return await desk.commands(request, items)

    @router.post("/posts/{code}/abolish")
    async def abolish_post(request: Request, code: str) -> Response:
        version = expected(request)
        plan = _one(lambda now: policies.abolish_post(now, code, version))
        return await desk.command(request, plan, answer=_answer(policies.post_id(code), code))

    @router.get("/posts")
    async def list_posts(
        role: Role | None = None,
        area: str | None = None,
        organisation: str | None = None,
        limit: Limit = 100,
        after: str = "",
    ) -> Mapping[str, Any]:
        """Posts, each with the reference of who holds it now."""
        wanted = {"role": role, "area": area, "organisation": organisation}
        async with desk.reading() as connection:
            rows = await queries.posts(connection, after=after, limit=limit, **wanted)
        return page(rows, limit, "code")


def _appointments(router: APIRouter, desk: Registry) -> None:
    def appoint(body: AppointmentBody) -> Plan:
        told = (body.post, body.person_ref, body.valid_from, body.id)
        return _one(lambda now: policies.appoint(now, *told))

    def id_of(body: AppointmentBody) -> UUID:
        return body.id or policies.appointment_id(body.post, body.person_ref)

    @router.post("/appointments")
    async def appoint_person(request: Request, body: AppointmentBody) -> Response:
        answer = _answer(id_of(body), body.post)
        return await desk.command(request, appoint(body), body=body, created=True, answer=answer)

    @router.post("/appointments/batch")
    async def appoint_persons(request: Request, batch: AppointmentBatch) -> Response:
        items = [_item(appoint(one), one, id_of(one), one.post) for one in batch.items]
        return await desk.commands(request, items)

    @router.post("/appointments/{id}/end")
    async def end_appointment(request: Request, id: UUID, body: EndBody) -> Response:
        version = expected(request)
        plan = _one(lambda now: policies.end_appointment(now, id, body.valid_to, version))
        return await desk.command(request, plan, body=body, answer=_answer(id, None))


def _calendars(router: APIRouter, desk: Registry) -> None:
    def publish(body: CalendarBody) -> Plan:
        return _one(lambda _: policies.publish_calendar(body.times()))

    @router.post("/work-calendars")
    async def publish_calendar(request: Request, body: CalendarBody) -> Response:
        answer = _answer(policies.calendar_id(body.year), str(body.year))
        return await desk.command(request, publish(body), body=body, created=True, answer=answer)

    @router.post("/work-calendars/batch")
    async def publish_calendars(request: Request, batch: CalendarBatch) -> Response:
        ids = [(one, policies.calendar_id(one.year)) for one in batch.items]
        items = [_item(publish(one), one, id, str(one.year)) for one, id in ids]
        return await desk.commands(request, items)

    @router.get("/work-calendars/{year}")
    async def show_calendar(year: int) -> Mapping[str, Any]:
        async with desk.reading() as connection:
            found = await queries.calendar(connection, year)
        if found is None:
            raise not_found()
        return found


PARTS = (
    _area_commands,
    _area_reads,
    _area_searches,
    _area,
    _organisations,
    _organisation_reads,
    _posts,
    _appointments,
    _calendars,
)
"""In this order: a fixed path comes before one that takes any code."""


def _open(body: AreaBody) -> Plan:
    return _one(lambda now: policies.open_area(now, body.description(), body.valid_from))


def _one(instruct: Callable[[Now], Instruction]) -> Plan:
    return lambda now: (instruct(now),)


def _item(plan: Plan, body: Any, id: UUID, code: str | None = None) -> Item:
    return Item(plan=plan, body=body, id=None, answer=_answer(id, code or body.code))


def _answer(id: UUID, code: str | None) -> Answer:
    """`changed`: whether anything became different; without it a repeated load looks like a new."""

    def answer(made: Sequence[Envelope]) -> Mapping[str, Any]:
        version = {"version": made[-1].version} if made else {}
        return {"id": str(id), "code": code, "changed": bool(made), **version}

    return answer


def _located(city: City, codes: Sequence[str]) -> Mapping[str, Any]:
    if not codes:
        return {"code": "outside", "chain": [], "candidates": []}
    chain = (city.require(code) for code in reversed(city.chain(codes[0])))
    found = [{"code": one.code, "name": one.name, "level": one.level} for one in chain]
    return {"code": "found", "chain": found, "candidates": list(codes)}
