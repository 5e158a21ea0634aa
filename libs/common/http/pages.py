"""Lists page by key: no count, no offset; a page costs the same wherever it is."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from libs.common.messages import Refused


def page(rows: Sequence[Mapping[str, Any]], limit: int, cursor: Sequence[str]) -> Mapping[str, Any]:
    """`rows` may hold one more than `limit`: then there is a next page, which begins after the
    values that the last row shown has in the columns `cursor`."""
    shown = rows[:limit]
    more = len(rows) > limit
    after = encode([shown[-1][name] for name in cursor]) if more else None
    return {"items": list(shown), "next": after}


def encode(values: Sequence[Any]) -> str:
    text = json.dumps([str(value) for value in values], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str | None, length: int) -> list[str] | None:
    """The values that a page begins after; None for the first page. Raises Refused (400)."""
    if cursor is None:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        values = None
    is_ours = isinstance(values, list) and all(isinstance(value, str) for value in values)
    if not is_ours or len(values) != length:
        raise Refused("invalid_cursor", status=400, path="/after")
    return list(values)
