"""What whoever holds the signing key can do: ask as a founder of the system, or as any person.

No command does so but `civicgrid init` and the demo, whose city runs in its own process.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path
from uuid import UUID

import httpx

from libs.common.ids import named
from libs.rights.tokens import ACCESS_SECONDS, Bearer, Signer

CITY = "city"
"""Beside the keys: where the city answers whose keys they are."""

_SESSION = named("session/pass")
_LEFT_SECONDS = 60


class OtherCity(Exception):
    """A pass would be shown to a city that must not see it; the text says which."""


def city_of(tokens: Path, told: str | None) -> str | None:
    """The one city that may see a pass made with these keys: noted when it is told first; None
    where it was never told, and is on this machine. Raises OtherCity."""
    file = tokens / CITY
    noted = file.read_text().strip() if file.exists() else None
    if told is None:
        return noted
    told = told.rstrip("/")
    if noted is None:
        file.write_text(told)
    elif noted != told:
        raise OtherCity(
            f"{tokens} has the keys of the city at {noted}, as {file} says: nothing was sent to"
            f" {told}"
        )
    return told


class Pass(httpx.Auth):
    """Signs requests. `person`: with the rights of their posts, and besides, unless it says not, as
    a founder. `account`: who asks, as audit and events name them."""

    def __init__(self, folder: Path, person: UUID | None = None, founder: bool = True) -> None:
        self._signer, self._person, self._founder = Signer(folder), person, founder
        self.account = named(f"account/{person}")
        self._token, self._ends_at = "", 0

    @property
    def header(self) -> str:
        """Of `Authorization`."""
        return f"Bearer {self.token}"

    @property
    def token(self) -> str:
        """Good for a minute at least."""
        now = int(time.time())
        if self._ends_at < now + _LEFT_SECONDS:
            self._ends_at = now + ACCESS_SECONDS
            told = (self.account, _SESSION, self._person, self._founder)
            self._token = self._signer.sign(Bearer(*told, strong=True, expires_at=self._ends_at))
        return self._token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = self.header
        yield request
