"""What reads answer, and which ids and fields that shows. Lists page by key: no count, no offset;
any page costs the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Query, Response

from libs.common.ids import FORM, parsed
from libs.common.messages import not_found

Limit = Annotated[int, Query(ge=1, le=200)]
"""How many rows a page has."""

LEVELS = 2
"""Of lists and objects in a row, in which ids are looked for: such as the lists in the `data` of an
event."""
_ID = re.compile(FORM)
_LENGTH = len(str(UUID(int=0)))


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
        for row in rows:
            self._take_ids(row.values(), LEVELS)

    def _take_ids(self, values: Iterable[object], levels: int) -> None:
        """Whatever has the form of one: states come as JSON, in which an id is a text."""
        for value in values:
            if type(value) is str:
                if len(value) == _LENGTH and _ID.fullmatch(value):
                    self.ids[parsed(value)] = None
            elif type(value) is list and levels:
                self._take_ids(value, levels - 1)
            elif type(value) is dict and levels:
                self._take_ids(value.values(), levels - 1)
            elif isinstance(value, UUID):
                self.ids[value] = None
