"""HTTP of the registry: parse, submit, answer. No rule of the domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from libs.city import City
from libs.common.contracts.registry import Level
from libs.common.http import Limit, Moment, answers, batch, expected, not_found, page, takes
from services.registry import policies, queries
from services.registry.answers import (
    Answered,
    AreaListed,
    AreaShown,
    Located,
    Plan,
    Registry,
    Uncovered,
    answer_of,
    item,
    one,
)
from services.registry.api_offices import OFFICES
from services.registry.api_sharing import SHARING
from services.registry.api_subjects import SUBJECTS
from services.registry.bodies import (
    AreaBatch,
    AreaBody,
    EndBody,
)

Longitude = Annotated[float, Query(ge=-180, le=180)]
Latitude = Annotated[float, Query(ge=-90, le=90)]
Accuracy = Annotated[float, Query(ge=0, le=10_000)]


def routes(desk: Registry) -> APIRouter:
    router = desk.router()
    for part in PARTS:
        part(router, desk)
    return router


def _area_commands(router: APIRouter, desk: Registry) -> None:
    @router.post("/areas", status_code=201, responses=answers(Answered, 201, etag=True))
    async def open_area(request: Request, body: AreaBody) -> Response:
        """Open an area; the same again changes nothing, other content changes it."""
        answer = answer_of(policies.area_id(body.code), body.code)
        return await desk.command(request, _open(body), body=body, answer=answer)

    @router.post("/areas/batch", openapi_extra=takes(32), responses=answers(batch(Answered)))
    async def open_areas(request: Request, batch: AreaBatch) -> Response:
        """Up to 500, parents in an earlier request than their children."""
        return await desk.commands(
            request, batch.items, lambda body: item(_open(body), body, policies.area_id(body.code))
        )

    @router.put("/areas/{code}", responses=answers(Answered, etag=True))
    async def change_area(request: Request, code: str, body: AreaBody) -> Response:
        if body.code != code:
            raise not_found()
        told, since, version = body.description(), body.valid_from, expected(request)
        plan = one(lambda now: policies.change_area(now, told, since, version))
        answer = answer_of(policies.area_id(code), code)
        return await desk.command(request, plan, body=body, answer=answer)

    @router.post("/areas/{code}/close", responses=answers(Answered, etag=True))
    async def close_area(request: Request, code: str, body: EndBody) -> Response:
        version = expected(request)
        plan = one(lambda now: policies.close_area(now, code, body.valid_to, version))
        answer = answer_of(policies.area_id(code), code)
        return await desk.command(request, plan, body=body, answer=answer)


def _area_reads(router: APIRouter, desk: Registry) -> None:
    @router.get("/areas", responses=answers(page(AreaListed)))
    async def list_areas(
        request: Request,
        level: Level | None = None,
        parent: str | None = None,
        as_of: Moment | None = None,
        limit: Limit = 100,
        after: str = "",
    ) -> Mapping[str, Any]:
        """Areas in force, now or at an instant, by code."""
        at = as_of or desk.context().now
        wanted: dict[str, Any] = {"at": at, "level": level, "parent": parent}
        async with desk.reading(request) as look:
            rows = await queries.areas(look.connection, after=after, limit=limit, **wanted)
            return look.page(rows, limit, "code")


def _area_searches(router: APIRouter, desk: Registry) -> None:
    @router.get("/areas/locate", responses=answers(Located))
    async def locate(
        lon: Longitude,
        lat: Latitude,
        accuracy_m: Accuracy = 0.0,
        as_of: Moment | None = None,
    ) -> Mapping[str, Any]:
        """The chain from the city to the cell of a point, WGS 84 (row R24)."""
        context = desk.context()
        found = context.facts.locate(lon, lat, accuracy_m, at=as_of or context.now)
        return _located(context.facts, [area.code for area in found])

    @router.get("/areas/uncovered", responses=answers(page(Uncovered)))
    async def list_uncovered(
        request: Request, as_of: Moment | None = None, limit: Limit = 100, after: str = ""
    ) -> Mapping[str, Any]:
        """Cells that nobody answers for, now or at an instant (row R10)."""
        at = as_of or desk.context().now
        async with desk.reading(request) as look:
            rows = await queries.uncovered(look.connection, at=at, after=after, limit=limit)
            return look.page(rows, limit, "code")

    @router.get("/areas/counts")
    async def count(request: Request) -> Mapping[str, int]:
        """Of areas by level, organisations by kind, posts, and persons who hold one."""
        async with desk.reading(request) as look:
            return look.one(await queries.counts(look.connection))


def _area(router: APIRouter, desk: Registry) -> None:
    @router.get("/areas/{code}", responses=answers(AreaShown, etag=True))
    async def show_area(request: Request, code: str, response: Response) -> Mapping[str, Any]:
        """An area with its polygon, closed or not."""
        async with desk.reading(request) as look:
            return look.one(await queries.area(look.connection, code), response)


PARTS = (
    *SUBJECTS,
    *SHARING,
    _area_commands,
    _area_reads,
    _area_searches,
    _area,
    *OFFICES,
)
"""In this order: a fixed path comes before one that takes any code."""


def _open(body: AreaBody) -> Plan:
    return one(lambda now: policies.open_area(now, body.description(), body.valid_from))


def _located(city: City, codes: Sequence[str]) -> Mapping[str, Any]:
    if not codes:
        return {"code": "outside", "chain": [], "candidates": []}
    chain = (city.require(code) for code in reversed(city.chain(codes[0])))
    found = [{"code": one.code, "name": one.name, "level": one.level} for one in chain]
    return {"code": "found", "chain": found, "candidates": list(codes)}
