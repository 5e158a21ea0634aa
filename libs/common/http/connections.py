"""Connections: so many, and none for whoever does not say what they want."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from functools import cache
from typing import Any, ClassVar

from starlette.datastructures import Headers
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from libs.common.http.limits import AT_WORK, HEAD_BYTES, RECEIVE_SECONDS
from libs.common.http.problems import LANGUAGES, MEDIA_TYPE, RETRY_AFTER, Texts, language_of
from libs.common.messages import Refused

_TEXTS = Texts([])
LINGER_SECONDS = 10.0
MOST_LINGERING = 2048
"""Of those that are one too many, how many may stay, and how long, to read that they are."""


class Connection(HttpToolsProtocol):
    """`limit_concurrency` of its configuration: connections that may be open at once."""

    _lingering: ClassVar[set[Connection]] = set()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._most, self.limit_concurrency = self.limit_concurrency, None
        self._deadline: asyncio.TimerHandle | None = None
        self._head_bytes: int | None = None
        """Of a head that has not ended."""
        self._is_refused = False
        """Of the request that is being read."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._most is not None and len(self.connections) > self._most:
            return self._refuse_at_the_door()
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        self._lingering.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self in self._lingering or self.transport.is_closing():
            return
        before = self._head_bytes
        super().data_received(data)
        if before is not None and self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse("head_too_large", 431)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._deadline is None:
            self._begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """What follows a body in chunks is passed over: nothing would bound it."""
        if self._head_bytes is not None:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """One request too many is refused as soon as it is read, on a connection that stays."""
        self._head_bytes = None
        answers = self.cycle is None or self.cycle.response_complete
        self._is_refused = answers and len(self.tasks) >= AT_WORK
        if not self._is_refused:
            super().on_headers_complete()
        elif self.expect_100_continue:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._end()
        if not self._is_refused:
            return super().on_message_complete()
        stays = self.parser.should_keep_alive()
        language = language_of(Headers(raw=self.headers))
        self.transport.write(_answer("busy", 503, language, stays=stays))
        self.on_response_complete() if stays else self.transport.close()

    def send_400_response(self, msg: str) -> None:
        self._refuse("malformed_request", 400)

    def _begin(self) -> None:
        self._head_bytes = 0
        self._deadline = self.loop.call_later(RECEIVE_SECONDS, self._too_slow)

    def _end(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        if self.cycle and self.cycle.response_started:
            self.transport.close()
        else:
            self._refuse("too_slow", 408)

    def _refuse(self, code: str, status: int) -> None:
        """In the language that is ours where none is asked for."""
        self._end()
        if not self.transport.is_closing():
            self.transport.write(_answer(code, status))
            self.transport.close()

    def _refuse_at_the_door(self) -> None:
        """Closed in stages (RFC 9112, section 9.6): who begins to ask meanwhile would be reset, and
        not read why."""
        self.connections.discard(self)
        if len(self._lingering) == MOST_LINGERING:
            return self._refuse("busy", 503)
        self._lingering.add(self)
        self.transport.write(_answer("busy", 503))
        with suppress(OSError):  # of whoever has gone already
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)


@cache
def _answer(code: str, status: int, language: str = "zh", *, stays: bool = False) -> bytes:
    problem = _TEXTS.problem(Refused(code, status=status, limit=HEAD_BYTES), language)
    body = json.dumps(problem, ensure_ascii=False).encode()
    headers = {
        "content-type": MEDIA_TYPE,
        "content-language": LANGUAGES[language],
        "content-length": str(len(body)),
        **({} if stays else {"connection": "close"}),
        **(RETRY_AFTER if status == 503 else {}),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return STATUS_LINE[status] + lines.encode() + b"\r\n" + body
