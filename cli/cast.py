"""Five people of the reference city who are signed in: the demo acts through them.

Their passwords are made up at each start; those of an earlier one are good no more.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pyotp

from cli.client import SPARE_SECONDS, CityError, problem_of
from libs.common.contracts.registry import Role


class Session(httpx.Auth):
    """Of somebody who signed in: a token is asked for anew before it ends."""

    requires_response_body = True

    def __init__(self, tokens: Mapping[str, Any]) -> None:
        self._refresh = tokens["refresh_token"]
        self._take(tokens)

    def _take(self, tokens: Mapping[str, Any]) -> None:
        self._access = tokens["access_token"]
        self._good_until = time.monotonic() + tokens["expires_in"] - SPARE_SECONDS

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if time.monotonic() > self._good_until:
            body = {"refresh_token": self._refresh}
            answer = yield httpx.Request("POST", request.url.join("/refresh"), json=body)
            if answer.status_code == 200:
                self._take(answer.json())
        request.headers["Authorization"] = f"Bearer {self._access}"
        yield request


@dataclass(frozen=True)
class Actor:
    """Somebody who asks the city; `auth` None: anybody."""

    client: httpx.AsyncClient
    auth: httpx.Auth | None = None

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.client.request(method, path, json=body, auth=self.auth)
        if answer.is_error:
            raise CityError(problem_of(answer.json()))
        return answer.json()


@dataclass(frozen=True)
class Proofs:
    """What somebody signs in by. `area`: of their post; `secret`: of codes, if there is a second
    factor."""

    name: str
    area: str
    secret: str | None = None
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))

    @classmethod
    def coded(cls, name: str, area: str) -> Proofs:
        return cls(name, area, pyotp.random_base32())

    @property
    def told(self) -> dict[str, str]:
        return {"name": self.name, "password": self.password}

    def code(self, steps: int) -> dict[str, str]:
        """Of the half minute that is so many after this one."""
        return {"code": pyotp.TOTP(self.secret).at(time.time() + 30 * steps)} if self.secret else {}


@dataclass(frozen=True)
class Cast:
    """An informant, the officer of her community and his police room, the operator of its town, the
    command centre. `proofs`: theirs, and those of the privacy officer, who has no part in it."""

    informant: Actor
    officer: Actor
    town: Actor
    centre: Actor
    community: str
    police_room: str
    proofs: tuple[Proofs, ...]

    def handling(self, unit: str) -> Actor:
        """Who signs and handles what that unit has: for those without anybody in the cast, the
        command centre."""
        return self.officer if unit == self.police_room else self.centre

    def closing(self, community: str) -> Actor:
        """Who verifies and closes what is there."""
        return self.town if community == self.community else self.centre

    def table(self) -> Iterator[dict[str, str | None]]:
        for one in self.proofs:
            yield {
                "sign-in name": one.name,
                "area": one.area,
                "password": one.password,
                "secret of codes": one.secret,
            }


async def signed_in(founder: Actor) -> Cast:
    """Those who answer for the first cell of the city, by accounts that `founder` opens."""
    cell = (await founder.ask("GET", "/areas?level=grid_l3&limit=1"))["items"][0]
    community = await founder.ask("GET", f"/areas/{cell['community']}")
    town = await founder.ask("GET", f"/areas/{community['parent']}")
    room = await _post(founder, "community_officer", community["code"])
    posts = (
        await _post(founder, "grid_informant", cell["code"]),
        room,
        await _post(founder, "town_operator", town["code"]),
        await _post(founder, "command_operator", town["parent"]),
        await _post(founder, "privacy_officer", town["parent"]),
    )
    informants, *others = (post["area"] for post in posts)
    coded = map(Proofs.coded, ("officer", "town", "centre", "privacy"), others)
    proofs = (Proofs("informant", informants), *coded)
    pairs = zip(proofs, posts, strict=True)
    actors = [await _engaged(founder, known, post["person_ref"]) for known, post in pairs]
    informant, officer, operator, centre, _ = actors
    place = (community["code"], room["organisation"])
    return Cast(informant, officer, operator, centre, *place, proofs)


async def _engaged(founder: Actor, known: Proofs, person: str) -> Actor:
    invitation = await _invitation(founder, known, person)
    anybody = Actor(founder.client)
    first = {"totp_secret": known.secret, **known.code(0)} if known.secret else {}
    body = {**known.told, "invitation": invitation, **first}
    await anybody.ask("POST", "/accounts/activate", body)
    tokens = await anybody.ask("POST", "/sign-in", known.told | known.code(1))
    return Actor(founder.client, Session(tokens))


async def _post(founder: Actor, role: Role, area: str) -> dict[str, Any]:
    """With the reference of who holds it."""
    posts = (await founder.ask("GET", f"/posts?role={role}&area={area}&limit=1"))["items"]
    if not posts or posts[0]["person_ref"] is None:
        raise CityError(f"nobody is {role} of {area}: the demo plays in the reference city alone")
    return dict(posts[0])


async def _invitation(founder: Actor, known: Proofs, person: str) -> str:
    """For an account of that person, new or made good again."""
    found = (await founder.ask("GET", f"/accounts?person_ref={person}"))["items"]
    if found:
        answer = await founder.ask("POST", f"/accounts/{found[0]['id']}/reset")
    else:
        kind = {"person_ref": person, "second_factor": known.secret is not None}
        answer = await founder.ask("POST", "/accounts", {"name": known.name, **kind})
    return str(answer["invitation"])
