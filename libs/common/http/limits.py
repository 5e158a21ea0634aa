"""A body that is too large is refused before it fills the memory."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BYTES = 32 * 1024 * 1024
"""500 areas with their polygons are the largest thing that is sent at once."""


class BodyLimit:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MAX_BYTES:
                raise HTTPException(413, detail=str(MAX_BYTES))
            return message

        length = Request(scope).headers.get("content-length", "0")
        if length.isdigit() and int(length) > MAX_BYTES:
            taken = int(length)
        await self._app(scope, counted, send)
