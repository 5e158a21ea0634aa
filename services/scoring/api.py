"""HTTP of scoring: live figures, the schemes behind them, and a scheme tried on given counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from libs.city import City
from libs.common.contracts.registry import Level, OrganisationKind
from libs.common.http import KEEPS_NOTHING, Desk, Limit, answers, not_found, page
from services.scoring import queries
from services.scoring.answers import Evaluated, SchemeList, SchemeShown, Score
from services.scoring.domain.formula import Counts, evaluate
from services.scoring.domain.scheme import Scheme
from services.scoring.schemes import LIVE, SCHEMES

LARGEST = 10**15
Whole = Annotated[int, Field(strict=True, ge=-LARGEST, le=LARGEST)]


class Given(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    numerator: Whole
    denominator: Whole


class CountsBody(BaseModel):
    """By indicator."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    counts: Mapping[str, Given] = Field(max_length=200)


def routes(desk: Desk[City]) -> APIRouter:
    router = desk.router()
    for part in (_scores, _schemes):
        part(router, desk)
    return router


def _scores(router: APIRouter, desk: Desk[City]) -> None:
    @router.get("/scores", responses=answers(page(Score)))
    async def list_scores(
        request: Request,
        scheme: str = LIVE[0].id,
        kind: Literal[Level, OrganisationKind] | None = None,
        limit: Limit = 100,
        after: str = "",
    ) -> Mapping[str, Any]:
        """Live figures by code. `kind`: a level of areas, or a kind of organisations."""
        wanted = _scheme(scheme)
        key, dimension = _key(wanted), wanted.dimension
        async with desk.reading(request) as look:
            found = await queries.tallies(
                look.connection, key, dimension, after=after, limit=limit, kind=kind
            )
            return look.page([_shown(wanted, *one) for one in found.items()], limit, "subject")

    @router.get("/scores/{scheme}/{subject}", responses=answers(Score))
    async def show_score(request: Request, scheme: str, subject: str) -> Mapping[str, Any]:
        """The figures of one area or organisation."""
        wanted = _scheme(scheme)
        key, dimension = _key(wanted), wanted.dimension
        async with desk.reading(request) as look:
            found = await queries.tallies(
                look.connection, key, dimension, after="", limit=1, subject=subject
            )
            there = subject in found
            return look.one(_shown(wanted, subject, found[subject]) if there else None)


def _schemes(router: APIRouter, desk: Desk[City]) -> None:
    @router.get("/schemes", responses=answers(SchemeList))
    async def list_schemes() -> Mapping[str, Any]:
        names = ("id", "version", "zh", "en", "dimension", "is_live")
        rows = [{name: getattr(one, name) for name in names} for one in SCHEMES.values()]
        return {"items": rows, "next": None}

    @router.get("/schemes/{id}", responses=answers(SchemeShown))
    async def show_scheme(id: str) -> Mapping[str, Any]:
        """The whole document: anybody can compute the same figures from the same events."""
        return _scheme(id).model_dump(mode="json")

    @router.post(
        "/schemes/{id}/evaluate", openapi_extra=KEEPS_NOTHING, responses=answers(Evaluated)
    )
    async def evaluate_scheme(id: str, body: CountsBody) -> Mapping[str, Any]:
        """Points and score for given counts; nothing is stored."""
        counts = {code: Counts(one.numerator, one.denominator) for code, one in body.counts.items()}
        return asdict(evaluate(_scheme(id), counts))


def _scheme(id: str) -> Scheme:
    if id not in SCHEMES:
        raise not_found()
    return SCHEMES[id]


def _key(scheme: Scheme) -> tuple[str, int]:
    return scheme.id, scheme.version


def _shown(scheme: Scheme, subject: str, counts: Mapping[str, Counts]) -> dict[str, Any]:
    told = {"subject": subject, "scheme": scheme.id, "version": scheme.version}
    return {**told, **asdict(evaluate(scheme, counts))}
