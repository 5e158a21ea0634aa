"""The small city of the campaigns, told to its registry and known everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from uuid import UUID

import httpx

from cli.passes import Pass
from libs.common.database import session
from libs.common.settings import Settings
from libs.rights.tokens import make_keys
from services.registry import reference
from tests.faults.campaign.history import Asked
from tests.support.awaiting import eventually
from tests.support.servers import TOKENS
from tests.support.town import PLAN, SEED

_PLANNED = list(reference.batches(PLAN, SEED))
_AREAS = [body for route, bodies in _PLANNED if route == "/areas/batch" for body in bodies]
STATION = "community_station"
_SECOND = [
    {
        "code": f"{STATION}-{area['code']}",
        "name": area["name"],
        "kind": STATION,
        "area": area["code"],
    }
    for area in _AREAS
    if area["level"] == "town"
]
"""Who gets what the station of a community gives back."""
_BATCHES = [*_PLANNED, ("/organisations/batch", _SECOND)]
make_keys(TOKENS)
COMMANDER = Pass(TOKENS, reference.commander(PLAN, SEED))
PARENTS = {area["code"]: area["parent"] for area in _AREAS if area["level"] == "grid_l3"}
CELLS = sorted(PARENTS)
LISTS = {
    "registry": "/posts",
    "leads": "/leads",
    "alerts": "/alerts",
    "mediation": "/mediation-cases",
    "scoring": "/scores",
}
"""What the commander may see, by service."""
Told = Callable[[str, str, str, UUID, Asked], None]
"""Of each request: service, method, path, who asks, and what is in it."""
TABLES = ("city_area", "city_organisation", "city_post", "city_appointment")


async def found_city(settings: Settings, url: str, services: Sequence[str], tell: Told) -> None:
    """Return once those services know it."""
    async with httpx.AsyncClient(base_url=url, timeout=30, auth=COMMANDER) as client:
        for route, bodies in _BATCHES:
            asked = Asked(len(bodies), fields=sorted(bodies[0]))
            tell("registry", "POST", route, COMMANDER.account, asked)
            answer = (await client.post(route, json={"items": bodies})).json()
            refused = [one for one in answer["items"] if "problem" in one]
            if refused:
                raise AssertionError(f"the registry refused {refused[:3]}")
    wanted = await _known(settings, "registry")
    for name in services:
        await eventually(partial(_known, settings, name), wanted.__eq__, within=60)


async def let_in(urls: Mapping[str, Sequence[str]], tell: Told) -> None:
    """Return once each of these processes knows who asks: its own facts follow those of its
    database by up to a second, and until then it refuses what another process takes."""
    async with httpx.AsyncClient(timeout=30, auth=COMMANDER) as client:

        async def ask(service: str, url: str, path: str) -> int:
            tell(service, "GET", path, COMMANDER.account, Asked())
            return (await client.get(url + path)).status_code

        for service, path in LISTS.items():
            for url in urls.get(service, ()):
                asking = partial(ask, service, url, path)
                await eventually(asking, lambda status: status == 200, within=60)


async def _known(settings: Settings, service: str) -> tuple[int, ...]:
    counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in TABLES)
    async with session(settings.url(service, "reader")) as connection:
        return tuple(await connection.fetchrow(f"SELECT {counts}") or ())
