"""A body is read within its limits, and looked over before anything is made of it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from starlette.requests import ClientDisconnect, Request

from libs.common.http.limits import BYTES_AN_ELEMENT, DEPTH
from libs.common.messages import Refused

_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json *(?:;.*)?", re.IGNORECASE)
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""One that has no end goes to the end: no text is gone through twice."""


class Read(Request):
    """A request whose body is known."""

    def __init__(self, request: Request, raw: bytes, value: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._raw, self._value = raw, value

    async def body(self) -> bytes:
        return self._raw

    async def json(self) -> Any:
        return self._value


async def read(request: Request, most_bytes: int) -> Request:
    """The same with its body, if it has one. Raises Refused."""
    raw = await _bytes(request, most_bytes)
    if not raw:
        return Read(request, raw, None)
    told = request.headers
    if not _JSON.fullmatch(told.get("Content-Type", "")) or "Content-Encoding" in told:
        raise Refused("unsupported_media_type", status=415)
    return Read(request, raw, parsed(raw, most_bytes // BYTES_AN_ELEMENT))


async def _bytes(request: Request, most: int) -> bytes:
    length = request.headers.get("Content-Length", "0")
    if length.isdecimal() and int(length[:20]) > most:
        raise _too_large(most)
    parts, size = [], 0
    try:
        async for part in request.stream():
            parts.append(part)
            size += len(part)
            if size > most:
                raise _too_large(most)
    except ClientDisconnect:
        raise Refused("malformed", status=400) from None
    return b"".join(parts)


def parsed(raw: bytes, most_elements: int) -> Any:
    """What this JSON (RFC 8259) says. Raises Refused."""
    try:
        text = raw.decode()
        if _elements(text) > most_elements and _elements(_STRING.sub("", text)) > most_elements:
            raise Refused("too_many_elements", status=422, limit=most_elements)
        found = json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise Refused("malformed", status=400) from None
    if text.count("[") + text.count("{") > DEPTH:
        _check_depth(found)
    return found


def _check_depth(found: Any) -> None:
    level = [found]
    for _ in range(DEPTH):
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [one for all in inner for one in all if isinstance(one, (dict, list))]
        if not level:
            return
    raise _too_deep()


def _elements(text: str) -> int:
    return text.count(",") + text.count("[") + text.count("{")


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Of two fields of one name, others would read the one that we do not."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused("duplicate_field", status=422)
    return found


def _no_number(name: str) -> None:
    raise ValueError(name)


def _too_deep() -> Refused:
    return Refused("too_deep", status=422, limit=DEPTH)


def _too_large(limit: int) -> Refused:
    return Refused("too_large", status=413, limit=limit)
