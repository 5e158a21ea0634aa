"""What other services own and this one must know: an immutable snapshot in memory, with a number.

Every change of a fact raises the number in its own transaction and stamps its rows with it, so a
process that is behind loads only what changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import asyncpg

from libs.common.projections import Copy, Projection

F = TypeVar("F")

Row = Mapping[str, Any]
Tables = Mapping[str, Mapping[tuple[Any, ...], Row]]
"""Table name -> primary key -> row."""


class Facts(Generic[F]):
    """`value` is what `build` made of the tables at `number`; both are replaced, never changed."""

    def __init__(self, projections: Sequence[Projection], build: Callable[[Tables], F]) -> None:
        self._copies = [one for one in projections if isinstance(one, Copy) and one.fact]
        self._build = build
        self._tables: Tables = {copy.table: {} for copy in self._copies}
        self.number = -1
        self.value: F = build(self._tables)

    async def reload(self, connection: asyncpg.Connection[Any]) -> None:
        """Catch up with the tables: one snapshot, in which number and rows agree."""
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            number = await connection.fetchval("SELECT number FROM facts")
            tables = {copy.table: await self._changed(connection, copy) for copy in self._copies}
        if any(tables[name] is not self._tables[name] for name in tables):
            self._tables = tables
            self.value = self._build(tables)
        self.number = number

    async def _changed(
        self, connection: asyncpg.Connection[Any], copy: Copy
    ) -> Mapping[tuple[Any, ...], Row]:
        known = self._tables[copy.table]
        query = f"SELECT {', '.join(copy.columns)} FROM {copy.table} WHERE fact_number > $1"
        rows = await connection.fetch(query, self.number)
        if not rows:
            return known
        return {**known, **{tuple(row[name] for name in copy.key): row for row in rows}}
