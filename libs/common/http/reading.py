"""What reads answer, and which ids and fields that shows. Lists page by key: no count, no offset;
any page costs the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Query, Response

from libs.common.http.problems import not_found
from libs.common.ids import id_of

Limit = Annotated[int, Query(ge=1, le=200)]
"""How many rows a page has."""

ID_ENDINGS = ("_id", "_ref")
"""Of names under which ids stand as text in a row, besides `id`."""


class Reading:
    """`connection` sees what is in the scope of who asks. What a route answers it has from one of
    these: `ids` and `fields` are what they have shown."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self.connection = connection
        self.ids: dict[UUID, None] = {}
        self.fields: tuple[str, ...] = ()

    def page(self, rows: Sequence[Mapping[str, Any]], limit: int, cursor: str) -> Mapping[str, Any]:
        """`rows` may hold one more than `limit`: then there is a next page, of what comes after the
        value that the last row shown has in the column `cursor`."""
        shown = rows[:limit]
        next = str(shown[-1][cursor]) if len(rows) > limit else None
        return {**self.all(shown), "next": next}

    def all(self, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        """There is no next page."""
        if rows:
            self._show(rows)
        return {"items": [dict(row) for row in rows], "next": None}

    def story(self, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        """All that happened to one thing. Refused where nothing did: it is not there."""
        if not rows:
            raise not_found()
        return {"items": self.all(rows)["items"]}

    def one(
        self, found: Mapping[str, Any] | None, response: Response | None = None
    ) -> Mapping[str, Any]:
        """Refused where there is none. `response`: gets its `version` as its ETag."""
        if found is None:
            raise not_found()
        if response:
            response.headers["ETag"] = f'"{found["version"]}"'
        self._show([found])
        return found

    def _show(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.fields = tuple(rows[0])
        where = [name for name, value in rows[0].items() if _holds_id(name, value)]
        for row in rows:
            for name in where:
                if (id := id_of(row.get(name))) is not None:
                    self.ids[id] = None


def _holds_id(name: str, value: object) -> bool:
    return isinstance(value, UUID) or name == "id" or name.endswith(ID_ENDINGS)
