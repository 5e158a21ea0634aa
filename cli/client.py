"""Asking a city over HTTP, as any integrator would."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any
from uuid import UUID

import httpx
import typer

from cli import credentials, ground
from libs.common.http.requests import CASE, PURPOSE
from libs.rights.guard import GRANT

DEFAULT = "http://127.0.0.1:8080"
NONE: Mapping[str, str] = MappingProxyType({})


def address(told: str | None) -> str | None:
    """Of a city, before anything is asked of it or noted. Raises BadParameter."""
    if told is not None and not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", told):
        raise typer.BadParameter(f"an address is such as {DEFAULT}")
    return told


Url = Annotated[
    str | None,
    typer.Option(
        envvar="CITY_URL",
        callback=address,
        help=f"where the city answers: the one here, else {DEFAULT}",
    ),
]

ALLOWED = {"en": "Allowed now: {}.", "zh": "当前允许：{}。"}
TRIES = 60
PATIENCE = 60.0
"""Seconds that a command waits; whoever must wait longer is told so."""
SPARE_SECONDS = 30
"""An access token that ends sooner is asked for anew."""


class CityError(Exception):
    """The city refused, or does not answer; the text says what to do."""


class NoCity(CityError):
    """Nothing answers there."""


class SignedOut(CityError):
    """Nobody is signed in, or the city does not know who asks."""


class Refusal(CityError):
    """The city understood, and refused. `code`: of the problem, as `status` is of the answer;
    `options`: see `City`."""

    def __init__(self, problem: Mapping[str, Any], options: Mapping[str, str] = NONE) -> None:
        super().__init__(problem_of(problem, options))
        self.status, self.code = problem.get("status"), problem.get("code")


class City:
    """Asked by who is signed in on this machine, and by nobody else: where the session has ended, a
    command does nothing. `token`: an access token instead; an empty one for what asks for none.
    `grant`: of break-glass, under which everything is asked. `options`: what this command calls a
    field that the city names."""

    def __init__(
        self,
        url: str | None,
        token: str | None = None,
        grant: UUID | None = None,
        options: Mapping[str, str] = NONE,
    ) -> None:
        headers = {"Accept-Language": language()} | ({GRANT: str(grant)} if grant else {})
        base_url = url or ground.url_here() or DEFAULT
        self._client = httpx.Client(base_url=base_url, timeout=60, headers=headers)
        self.url = base_url.rstrip("/")
        self._token, self._good_until, self._options = token, math.inf, options

    def get(self, path: str, **query: object) -> Any:
        wanted = {name: str(value) for name, value in query.items() if value is not None}
        return self._ask("GET", path, params=wanted)

    def view(self, path: str, purpose: str, case: str) -> Any:
        """What nobody is shown without saying what for."""
        return self._ask("GET", path, headers={PURPOSE: purpose, CASE: case})

    def post(self, path: str, body: object = None, *, version: str | None = None) -> Any:
        """`version`: which one is changed, `*` for any."""
        headers = {"If-Match": version} if version else {}
        return self._ask("POST", path, json=body, headers=headers)

    def pages(self, path: str, **query: object) -> Iterator[dict[str, Any]]:
        after = None
        while True:
            page = self.get(path, **query, limit=200, after=after)
            yield from page["items"]
            after = page["next"]
            if after is None:
                return

    def load(
        self, batches: Iterable[tuple[str, Sequence[Mapping[str, Any]]]]
    ) -> Iterator[list[dict[str, Any]]]:
        """The answers to each batch, in its order; items that found no room are sent again."""
        for route, bodies in batches:
            yield self._load(route, bodies)

    def _load(self, route: str, bodies: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        answers: dict[int, dict[str, Any]] = {}
        for attempt in range(TRIES):
            left = [n for n in range(len(bodies)) if n not in answers]
            items = self.post(route, {"items": [bodies[n] for n in left]})["items"]
            for n, item in zip(left, items, strict=True):
                if item["status"] != 503 or attempt == TRIES - 1:
                    answers[n] = item
            if len(answers) == len(bodies):
                break
            time.sleep(1)
        return [answers[n] for n in range(len(bodies))]

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        told = self._authorization()
        headers = {"Authorization": told} if told else {}
        return self._send(method, path, **{**more, "headers": headers | more.get("headers", {})})

    def _authorization(self) -> str | None:
        token = self._access()
        return f"Bearer {token}" if token else None

    def _access(self) -> str:
        """A token that is good for a while yet. Raises SignedOut."""
        if self._token is not None and time.monotonic() < self._good_until:
            return self._token
        kept = credentials.kept(self.url)
        if kept is None:
            raise SignedOut(f"nobody is signed in at {self.url}: sign in with `civicgrid login`")
        try:
            answer = self._send("POST", "/refresh", json={"refresh_token": kept.refresh_token})
        except SignedOut:
            raise SignedOut(
                f"the session at {self.url} has ended: sign in with `civicgrid login`"
            ) from None
        self._token = str(answer["access_token"])
        self._good_until = time.monotonic() + answer["expires_in"] - SPARE_SECONDS
        return self._token

    def _send(self, method: str, path: str, **more: Any) -> Any:
        for attempt in range(TRIES):
            try:
                answer = self._client.request(method, path, **more)
            except httpx.TransportError as error:
                raise NoCity(
                    f"no city answers at {self._client.base_url} ({error}): start one with"
                    " `civicgrid up`, or name its address in CITY_URL"
                ) from None
            pause = float(answer.headers.get("Retry-After", 1))
            is_later = answer.status_code in (429, 503) and pause <= PATIENCE
            if not is_later or attempt == TRIES - 1:
                break
            time.sleep(pause)
        if answer.status_code == 401:
            raise SignedOut(f"{problem_of(answer.json())} Sign in with `civicgrid login`.")
        if answer.is_error:
            raise Refusal(answer.json(), self._options)
        return answer.json() if answer.content else None


def language() -> str:
    """Of what services say to who uses the command; which variable goes first is of POSIX."""
    wanted = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "zh" if next(filter(None, wanted), "").startswith("zh") else "en"


def problem_of(problem: Mapping[str, Any], names: Mapping[str, str] = NONE) -> str:
    """One line of a problem (RFC 9457): what is wrong, fault by fault, and what is allowed.
    `names`: of fields that are called otherwise here."""

    def told(pointer: str | None, text: str) -> str:
        field = (pointer or "").strip("/")
        return f"{names.get(field, field)}: {text}" if field else text

    parts = [told(problem.get("path"), problem.get("detail") or problem["title"])]
    parts += [told(one["path"], one["message"]) for one in problem.get("errors", ())]
    if problem.get("allowed"):
        parts.append(ALLOWED[language()].format(", ".join(problem["allowed"])))
    return " ".join(parts)
