"""A client that asks until it knows: the same operation under the same key, of either process."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import httpx

from cli.passes import Pass
from tests.faults.campaign.city import COMMANDER
from tests.faults.campaign.history import Asked, History, Outcome

PAUSE_SECONDS = 0.25
TIMEOUT_SECONDS = 12.0
AGAIN = 0.1
"""The share of what was promised that is asked once more."""


class Answer(NamedTuple):
    """`status` is 0 where none came."""

    status: int
    body: Any


class Client:
    """`urls`: of the processes of each service. `patience`: seconds until an operation is left
    with its outcome unknown."""

    def __init__(
        self,
        urls: Mapping[str, Sequence[str]],
        history: History,
        chance: random.Random,
        patience: float = 90,
    ) -> None:
        self.urls, self.history, self.chance = urls, history, chance
        self._patience = patience
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=40)
        self._http = httpx.AsyncClient(
            timeout=TIMEOUT_SECONDS, limits=limits, headers={"If-Match": "*"}
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(
        self, service: str, method: str, path: str, auth: Pass = COMMANDER, **more: Any
    ) -> Answer:
        """One attempt, at one process or the other."""
        url = self.chance.choice(self.urls[service]) + path
        asked = asked_with(more.get("params"), more.get("json"))
        self.history.ask(service, method, path, auth.account, asked)
        try:
            answer = await self._http.request(method, url, auth=auth, **more)
        except (httpx.HTTPError, AttributeError):
            return Answer(0, None)  # the last: httpx looks at a socket that was closed meanwhile
        if method == "GET" and is_error(answer.status_code):
            self.history.end("get", path, "unknown", answer.status_code)
        if method == "GET" and answer.status_code == 200:
            shown = answer.json()["items"]
            self.history.read(service, path, auth.account, asked, shown)
        return Answer(answer.status_code, _body(answer))

    async def get(self, service: str, path: str, **query: Any) -> Any:
        """The body once it is there; None when patience ends."""
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            answer = await self.ask(service, "GET", path, params=query)
            if answer.status == 200:
                return answer.body
            await asyncio.sleep(PAUSE_SECONDS)
        return None

    async def command(
        self,
        kind: str,
        key: str,
        place: tuple[str, str, str],
        body: Any,
        stored: object = None,
        auth: Pass = COMMANDER,
        other: object = None,
        **about: Any,
    ) -> Answer:
        """`place`: service, method, path. `stored`: what must be found of it; `body` if None.
        `other`: a body that is refused under the same key."""
        service, method, path = place
        kept = body if stored is None else stored
        headers, actor = {"Idempotency-Key": key}, str(auth.account)
        deadline = time.monotonic() + self._patience
        while True:
            self.history.invoke(kind, key, kept, service=service, actor=actor, **about)
            answer = await self.ask(service, method, path, json=body, headers=headers, auth=auth)
            outcome = outcome_of(answer.status)
            self.history.end(kind, key, outcome, answer.status)
            if outcome == "ok" and self.chance.random() < AGAIN:
                await self._ask_again(kind, key, place, body, other, answer, auth)
            if outcome != "unknown" or time.monotonic() > deadline:
                return answer
            await asyncio.sleep(self.chance.uniform(0.5, 1.5) * PAUSE_SECONDS)

    async def _ask_again(
        self,
        kind: str,
        key: str,
        place: tuple[str, str, str],
        body: Any,
        other: object,
        first: Answer,
        auth: Pass,
    ) -> None:
        """The same under the same key gets the first answer; at another version, or with another
        body, a conflict."""
        service, method, path = place
        again = {"Idempotency-Key": key}
        told = await self.ask(service, method, path, json=body, headers=again, auth=auth)
        if is_told(told.status):
            same = told.status == 200 and told.body == first.body
            self.history.again(kind, key, "the same", told.status, same)
        tries = {"another": (body, {**again, "If-Match": '"999"'}), "another body": (other, again)}
        for how, (what, headers) in tries.items():
            if how == "another body" and other is None:
                continue
            told = await self.ask(service, method, path, json=what, headers=headers, auth=auth)
            if is_told(told.status):
                self.history.again(kind, key, how, told.status, told.status in (409, 412))


def asked_with(query: Mapping[str, Any] | None, body: Mapping[str, Any] | None) -> Asked:
    items = (body or {}).get("items", [body or {}])
    return Asked(len(items), sorted(query or {}), sorted(items[0]))


def _body(answer: httpx.Response) -> Any:
    """None where an error is told in no JSON. Raises ValueError where a success is."""
    try:
        return answer.json()
    except ValueError:
        if answer.is_success:
            raise
        return None


def outcome_of(status: int) -> Outcome:
    """A refusal is certain; no answer, or one that the service itself does not trust, is not."""
    if status in (200, 201):
        return "ok"
    return "fail" if 400 <= status < 500 and status not in (408, 429) else "unknown"


def is_error(status: int) -> bool:
    """Of ours, which no client should see."""
    return status >= 500 and status != 503


def is_told(status: int) -> bool:
    """Whether it says something: `outcome_of`, or an error that must not be."""
    return outcome_of(status) != "unknown" or is_error(status)
