"""Lists page by key: no count, no offset; a page costs the same wherever it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def page(rows: Sequence[Mapping[str, Any]], limit: int, cursor: str) -> Mapping[str, Any]:
    """`rows` may hold one more than `limit`: then there is a next page, of what comes after the
    value that the last row shown has in the column `cursor`."""
    shown = rows[:limit]
    next = str(shown[-1][cursor]) if len(rows) > limit else None
    return {"items": [dict(row) for row in shown], "next": next}
