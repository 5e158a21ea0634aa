"""The station, wired."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter

from bench.station.domain import TAKEN_LEAD, Take
from libs.common.callers import Caller, Scope
from libs.common.contracts.leads import LeadCaptured
from libs.common.http import Desk
from libs.common.http.guards import Guard
from libs.common.messages import Context, Effect
from libs.common.service import Service
from libs.common.settings import Settings


def on_lead_captured(event: LeadCaptured, context: Context[Any]) -> Iterable[Effect]:
    yield TAKEN_LEAD.to(event.lead_id, Take(event))


def routes(desk: Desk[Any]) -> APIRouter:
    return desk.router()


def _asks_nobody(settings: Settings) -> Guard:
    """It has no routes."""
    return lambda request, context: Caller("nobody", None, Scope())


def station(name: str, topic: str) -> Service:
    """It reads `topic`, and publishes on `civicgrid.<name>`."""
    return Service(
        name=name,
        deciders=(TAKEN_LEAD,),
        policies={LeadCaptured: on_lead_captured},
        timers={},
        projections=(),
        facts=lambda _: None,
        consumes=(topic,),
        routes=routes,
        guard=_asks_nobody,
    )
