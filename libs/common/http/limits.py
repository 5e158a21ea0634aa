"""How much a request may bring, and how long it may take: every number of the edge.

How often somebody may ask, and how many connections there may be, are settings.
"""

from __future__ import annotations

from typing import Any

MIB = 1024 * 1024
BODY_BYTES = MIB
"""Of a route that does not say that it takes more."""
DEPTH = 64
"""Of objects and arrays in each other."""
BYTES_AN_ELEMENT = 8
"""A body may have an element for each so many bytes that its route takes: as dense as coordinates
are, and no denser, since an element is many times larger once it is read."""
HEAD_BYTES = 32 * 1024
"""Of the address and the headers of a request."""
AT_WORK = 256
"""Requests that a process has in hand. The more they are, the later it looks at new connections,
and the kernel drops those that it cannot hold; one more is refused before it is any work."""
RECEIVE_SECONDS = 30.0
"""From the first byte of a request to its last."""
BURST_SECONDS = 5.0
"""Whoever was silent may ask as often at once as else in so many seconds."""
REMEMBERED = 10_000
"""Accounts or addresses whose requests are counted; who was silent longest is forgotten first."""

_TAKES = "x-max-bytes"


def takes(mebibytes: int) -> dict[str, Any]:
    """The `openapi_extra` of a route whose bodies are larger than others'."""
    return {_TAKES: mebibytes * MIB}


def taken(openapi_extra: dict[str, Any] | None) -> int:
    """Bytes of a body that a route takes."""
    return int((openapi_extra or {}).get(_TAKES, BODY_BYTES))
