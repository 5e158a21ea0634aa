"""What reads answer. Lists page by key: no count, no offset; any page costs the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Query, Response

from libs.common.http.problems import not_found

Limit = Annotated[int, Query(ge=1, le=200)]
"""How many rows a page has."""


def page(rows: Sequence[Mapping[str, Any]], limit: int, cursor: str) -> Mapping[str, Any]:
    """`rows` may hold one more than `limit`: then there is a next page, of what comes after the
    value that the last row shown has in the column `cursor`."""
    shown = rows[:limit]
    next = str(shown[-1][cursor]) if len(rows) > limit else None
    return {"items": [dict(row) for row in shown], "next": next}


def shown(found: Mapping[str, Any] | None, response: Response) -> Mapping[str, Any]:
    """One thing, with its `version` as its ETag. Refused where there is none."""
    if found is None:
        raise not_found()
    response.headers["ETag"] = f'"{found["version"]}"'
    return found
