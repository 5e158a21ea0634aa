"""The routes of a service, without anything behind them."""

from __future__ import annotations

from typing import Any, cast

from fastapi.routing import APIRoute

from libs.common.http import Desk
from libs.common.service import Service


def routes_of(service: Service) -> list[APIRoute]:
    nobody = cast(Any, None)
    router = service.routes(Desk(service.name, nobody, nobody, nobody, nobody, nobody))
    return [route for route in router.routes if isinstance(route, APIRoute)]
