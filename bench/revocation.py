"""From what the portal or the registry takes back to its refusal by every service (row W16)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import httpx

from bench import city
from bench.frame import Compared, Figures, Side, Sizing, compared
from bench.stand import Stand
from cli.board import percentile
from cli.passes import Pass
from libs.common.ids import named, uuid7

SEED = 1
PASSWORD = "Nine lanterns at the ford"
ASKED: Mapping[str, str] = {
    "registry": "/areas/counts",
    "leads": "/leads",
    "alerts": "/alerts",
    "mediation": "/mediation-centres",
    "scoring": "/scores",
    "portal": "/me",
}
"""What an informant may ask of each service."""
POSTS = {name: path for name, path in ASKED.items() if name != "portal"}
"""The portal tells everybody who they are, whatever post they hold."""
ROUNDS: Mapping[Sizing, int] = {"smallest": 1, "quick": 3, "full": 3}
TRIALS: Mapping[Sizing, int] = {"smallest": 1, "quick": 7, "full": 34}
"""Of each side in a round."""
POLL_SECONDS = 0.005
LIMITS = httpx.Limits(keepalive_expiry=2)
"""A service closes what is idle for five seconds, perhaps just as it is used again."""
_ADDRESS = count()


@dataclass(frozen=True)
class Place:
    """An informant with an account, and whoever runs the city. `urls`: of the services."""

    urls: Mapping[str, str]
    founder: httpx.AsyncClient
    anybody: httpx.AsyncClient
    name: str
    cell: str
    post: str
    person: str

    @property
    def account(self) -> UUID:
        """Of this person, whatever the name."""
        return named(f"account/{self.person}")

    @property
    def held(self) -> dict[str, str]:
        """A new appointment to their post."""
        return {"post": self.post, "person_ref": self.person, "id": str(uuid7())}

    async def told(self, path: str, body: Any = None, service: str = "portal") -> Any:
        answer = await self.founder.post(self.urls[service] + path, json=body)
        answer.raise_for_status()
        return answer.json()

    async def signed_in(self) -> Mapping[str, str]:
        """What its requests bring; each try comes from an address of its own."""
        body = {"name": self.name, "password": PASSWORD}
        address = f"10.1.{next(_ADDRESS) % 60_000 // 250}.{next(_ADDRESS) % 250}"
        url = f"{self.urls['portal']}/sign-in"
        answer = await self.anybody.post(url, json=body, headers={"X-Forwarded-For": address})
        answer.raise_for_status()
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    async def until(
        self, status: int, told: Mapping[str, str], paths: Mapping[str, str] = ASKED
    ) -> float:
        """Seconds until all these services answer so."""
        begun = time.monotonic()
        await asyncio.gather(*(self._until(status, told, *path) for path in paths.items()))
        return time.monotonic() - begun

    async def _until(self, status: int, told: Mapping[str, str], service: str, path: str) -> None:
        url = self.urls[service] + path
        while (await self.anybody.get(url, headers=told)).status_code != status:
            await asyncio.sleep(POLL_SECONDS)


async def run(stand: Stand, sizing: Sizing) -> Compared:
    await city.prepared(stand)
    assert stand.settings.tokens
    with city.at_work(stand, city.EACH) as services:
        urls = {name: services[name].url for name in ASKED}
        async with (
            httpx.AsyncClient(
                timeout=60,
                limits=LIMITS,
                auth=Pass(stand.settings.tokens),
                headers={"If-Match": "*"},
            ) as founder,
            httpx.AsyncClient(timeout=60, limits=LIMITS) as anybody,
        ):
            place = await _placed(urls, founder, anybody)
            other = Pass(stand.settings.tokens, uuid4())
            sides = [
                Side("a session ended", lambda _: _times(TRIALS[sizing], _ended, place)),
                Side(
                    "an account disabled",
                    lambda _: _times(TRIALS[sizing], lambda one: _disabled(one, other), place),
                ),
                Side("a post ended", lambda _: _times(TRIALS[sizing], _left, place)),
            ]
            data = {"trials": TRIALS[sizing], "services": len(ASKED)}
            return await compared(sides, ROUNDS[sizing], (), seed=SEED, data=data)


async def _placed(
    urls: Mapping[str, str], founder: httpx.AsyncClient, anybody: httpx.AsyncClient
) -> Place:
    """Somebody new, in a new post of the first cell."""
    query = {"level": "grid_l3", "limit": "1"}
    cell = (await founder.get(f"{urls['registry']}/areas", params=query)).json()["items"][0]
    name, person, code = f"n{uuid4().hex[:12]}", str(uuid4()), f"bench-{uuid4().hex[:12]}"
    place = Place(urls, founder, anybody, name, cell["code"], code, person)
    post = {"code": code, "role": "grid_informant", "area": cell["code"]}
    await place.told("/posts", post, "registry")
    await place.told("/appointments", place.held, "registry")
    body = {"name": name, "person_ref": person, "second_factor": False}
    opened = await place.told("/accounts", body)
    told = {"name": name, "invitation": opened["invitation"], "password": PASSWORD}
    (await anybody.post(f"{urls['portal']}/accounts/activate", json=told)).raise_for_status()
    return place


Trial = Callable[[Place], Awaitable[float]]


async def _times(trials: int, trial: Trial, place: Place) -> Figures:
    found = [1000 * await trial(place) for _ in range(trials)]
    return {"p50_ms": percentile(found, 0.5) or 0, "max_ms": max(found)}


async def _ended(place: Place) -> float:
    told = await place.signed_in()
    await place.until(200, told)
    answer = await place.anybody.post(f"{place.urls['portal']}/sign-out", headers=told)
    answer.raise_for_status()
    return await place.until(401, told)


async def _disabled(place: Place, other: Pass) -> float:
    told = await place.signed_in()
    await place.until(200, told)
    await place.told(f"/accounts/{place.account}/disable")
    seconds = await place.until(401, told)
    enabled = f"{place.urls['portal']}/accounts/{place.account}/enable"
    (await place.founder.post(enabled, auth=other)).raise_for_status()
    return seconds


async def _left(place: Place) -> float:
    """A post of theirs ends; another begins for it afterwards."""
    told = await place.signed_in()
    await place.until(200, told)
    query = {"area": place.cell, "limit": "200"}
    posts = (await place.founder.get(f"{place.urls['registry']}/posts", params=query)).json()
    held = next(one for one in posts["items"] if one["code"] == place.post)
    await place.told(f"/appointments/{held['appointment_id']}/end", {}, "registry")
    seconds = await place.until(403, told, POSTS)
    await place.told("/appointments", place.held, "registry")
    await place.until(200, told)
    return seconds
