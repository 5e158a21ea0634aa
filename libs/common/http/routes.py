"""Every route is guarded: nothing of a request is read before it is known who asks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from libs.common.http import limits
from libs.common.http.bodies import read
from libs.common.messages import Refused

Admit = Callable[[Request], AbstractAsyncContextManager[None]]
"""Around a request: raises Refused for whoever may not ask it."""
LookOver = Callable[[Any], None]
"""At what a body says, before it is known what that means. Raises Refused."""


class Guarded(APIRoute):
    """Made by `guarded`. `siblings`: all routes of the service; `fixed`: methods by those paths
    that hold no parameter."""

    admit: Admit
    look_over: LookOver
    siblings: list[Guarded]
    fixed: dict[str, set[str]]

    def __init__(self, path: str, *arguments: Any, **named: Any) -> None:
        super().__init__(path, *arguments, **named)
        self.verbs = frozenset(self.methods or ())
        self.siblings.append(self)
        if "{" not in path:
            self.fixed.setdefault(path, set()).update(self.verbs)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A fixed path is never taken for one whose parameter it could be."""
        path = scope["path"]
        if scope["method"] not in self.fixed.get(path, self.verbs):
            allowed = self.fixed.get(path) or self._methods_of(path)
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(allowed))})
        await super().handle(scope, receive, send)

    def _methods_of(self, path: str) -> set[str]:
        there = (one for one in self.siblings if one.path_regex.match(path))
        return {method for one in there for method in one.verbs}

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer, admit, look_over = super().get_route_handler(), self.admit, self.look_over
        known = frozenset(field.alias for field in self.dependant.query_params)
        most_bytes = limits.taken(self.openapi_extra) if self.body_field else None

        async def guard(request: Request) -> Response:
            """Raises Refused, also where the process stops and waits for a database no longer."""
            try:
                async with admit(request):
                    if request.scope["query_string"]:
                        _check_query(request, known)
                    if most_bytes:
                        request = await read(request, most_bytes)
                        look_over(await request.json())
                    return await answer(request)
            except asyncio.CancelledError:
                raise Refused("unavailable", status=503) from None

        return guard


def guarded(admit: Admit, look_over: LookOver = lambda body: None) -> type[APIRoute]:
    """The class of routes that let in whom `admit` does, with what `look_over` lets pass."""
    steps = {"admit": staticmethod(admit), "look_over": staticmethod(look_over)}
    return type("GuardedRoute", (Guarded,), {**steps, "siblings": [], "fixed": {}})


def _check_query(request: Request, known: frozenset[str]) -> None:
    """What a route does not know is not passed over, nor is the first of two."""
    counts = Counter(name for name, _ in request.query_params.multi_items())
    faults = {name: "too_long" for name, count in counts.items() if count > 1}
    faults |= dict.fromkeys(counts.keys() - known, "extra_forbidden")
    if faults:
        raise RequestValidationError(
            [{"loc": ("query", name), "type": fault} for name, fault in sorted(faults.items())]
        )
