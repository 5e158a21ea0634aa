"""The rows of projections that a batch stores: summed, newest, or once, in key order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, assert_never

from libs.common.projections import Copy, Counter, Log, Projection
from libs.common.statement import Part, insert

Key = tuple[Any, ...]
Row = Sequence[Any]


class Projected:
    def __init__(self) -> None:
        self._tables: dict[str, _Table] = {}

    def add(self, projection: Projection, rows: Iterable[Row]) -> None:
        table = self._tables.get(projection.table)
        if table is None:
            table = self._tables[projection.table] = _Table(projection)
        for row in rows:
            table.add(row)

    @property
    def has_facts(self) -> bool:
        tables = self._tables.values()
        return any(isinstance(t.projection, Copy) and t.projection.fact and t.rows for t in tables)

    def batch(self) -> list[tuple[Part, list[Row]]]:
        return [
            (
                part(table, one.projection),
                [one.rows[key] for key in sorted(one.rows, key=_sortable)],
            )
            for table, one in sorted(self._tables.items())
        ]


class _Table:
    """Rows of one projection, by key."""

    def __init__(self, projection: Projection) -> None:
        self.projection, self.rows = projection, dict[Key, Row]()
        self._names = tuple(projection.columns)
        self._at = [self._names.index(name) for name in projection.key]
        self._sums = [name not in projection.key for name in self._names]

    def add(self, row: Row) -> None:
        key = tuple([row[i] for i in self._at])
        old = self.rows.get(key)
        self.rows[key] = row if old is None else self._combined(old, row)

    def _combined(self, old: Row, new: Row) -> Row:
        match self.projection:
            case Copy():
                at = self._names.index("version")
                return new if new[at] > old[at] else old
            case Counter():
                parts = zip(old, new, self._sums, strict=True)
                return [a + b if is_summed else a for a, b, is_summed in parts]
            case Log():
                return old
            case _:
                assert_never(self.projection)


def _sortable(key: Key) -> Key:
    return tuple(str(value) for value in key)


@lru_cache(maxsize=500)
def _part(table: str, columns: tuple[tuple[str, str], ...], conflict: str, fact: bool) -> Part:
    more: Mapping[str, str] = {"fact_number": "(SELECT number FROM changed)"} if fact else {}
    return insert(table, dict(columns), conflict, more=more)


def part(table: str, projection: Projection) -> Part:
    key = ", ".join(projection.key)
    others = [name for name in projection.columns if name not in projection.key]
    fact = isinstance(projection, Copy) and projection.fact
    match projection:
        case Copy():
            replaced = [*others, "fact_number"] if fact else others
            action = (
                f"DO UPDATE SET {', '.join(f'{name} = EXCLUDED.{name}' for name in replaced)}"
                f" WHERE {table}.version < EXCLUDED.version"
            )
        case Counter():
            sums = (f"{name} = {table}.{name} + EXCLUDED.{name}" for name in others)
            action = f"DO UPDATE SET {', '.join(sums)}"
        case Log():
            action = "DO NOTHING"
        case _:
            assert_never(projection)
    columns = tuple(projection.columns.items())
    return _part(table, columns, f"ON CONFLICT ({key}) {action}", fact)
