"""HTTP of alerts: parse, submit, answer. No rule of the domain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from libs.city import City
from libs.common.http import CHANGED, Desk, Limit, answers, caller_of, not_found, page
from services.alerts import queries
from services.alerts.answers import Alert, Notification, Receipt
from services.alerts.domain import ALERT
from services.alerts.domain.alert import Acknowledge, AlertStatus
from services.alerts.domain.rule import RuleSet
from services.alerts.rules import RULES

Alerts = Desk[City]


def routes(desk: Alerts) -> APIRouter:
    router = desk.router()
    for part in (_alerts, _told, _commands):
        part(router, desk)
    return router


def _alerts(router: APIRouter, desk: Alerts) -> None:
    @router.get("/alerts", responses=answers(page(Alert)))
    async def list_alerts(
        request: Request,
        about: UUID | None = None,
        community: str | None = None,
        status: AlertStatus | None = None,
        limit: Limit = 100,
        after: UUID = queries.FIRST,
    ) -> Mapping[str, Any]:
        """Of an area, or all about one lead, card or case."""
        async with desk.reading(request) as look:
            if about:
                return look.all(await queries.about(look.connection, about))
            rows = await queries.alerts(
                look.connection, after=after, limit=limit, community=community, status=status
            )
            return look.page(rows, limit, "id")

    @router.get("/alerts/{id}", responses=answers(Alert, etag=True))
    async def show_alert(request: Request, id: UUID, response: Response) -> Mapping[str, Any]:
        async with desk.reading(request) as look:
            return look.one(await queries.alert(look.connection, id), response)

    @router.get("/alert-rules", responses=answers(RuleSet))
    async def show_rules() -> Mapping[str, Any]:
        """Which events raise an alert, and whom it reaches."""
        return RULES.model_dump(mode="json")


def _told(router: APIRouter, desk: Alerts) -> None:
    @router.get("/alerts/{id}/receipts", responses=answers(page(Receipt)))
    async def list_receipts(
        request: Request, id: UUID, limit: Limit = 100, after: UUID = queries.FIRST
    ) -> Mapping[str, Any]:
        """Every person who was told, once each, and when they acknowledged it."""
        async with desk.reading(request) as look:
            rows = await queries.receipts(look.connection, id, after=after, limit=limit)
            if not rows and await queries.alert(look.connection, id) is None:
                raise not_found()
            return look.page(rows, limit, "person_ref")

    @router.get("/notifications", responses=answers(page(Notification)))
    async def list_notifications(
        request: Request, limit: Limit = 100, after: UUID = queries.FIRST
    ) -> Mapping[str, Any]:
        """What was told to who asks."""
        person = _person(request)
        async with desk.reading(request) as look:
            rows = await queries.told(look.connection, person, after=after, limit=limit)
            return look.page(rows, limit, "id")


def _commands(router: APIRouter, desk: Alerts) -> None:
    @router.post("/alerts/{id}/acknowledge", responses=CHANGED)
    async def acknowledge(request: Request, id: UUID) -> Response:
        """By who asks; they must have been told."""
        person = _person(request)
        return await desk.tell(request, ALERT, id, lambda at: Acknowledge(at, person))


def _person(request: Request) -> UUID:
    """Whoever holds a post is a person; accounts without one were told of nothing."""
    if (person := caller_of(request).person) is None:
        raise not_found()
    return person
