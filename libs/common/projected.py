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
        self._rows: dict[str, tuple[Projection, dict[Key, Row]]] = {}

    def add(self, projection: Projection, rows: Iterable[Row]) -> None:
        kept = self._rows.setdefault(projection.table, (projection, {}))[1]
        names = tuple(projection.columns)
        at = [names.index(name) for name in projection.key]
        for row in rows:
            key = tuple(row[i] for i in at)
            kept[key] = _combine(projection, names, kept.get(key), row)

    @property
    def has_facts(self) -> bool:
        return any(isinstance(one, Copy) and one.fact and kept for one, kept in self._rows.values())

    def batch(self) -> list[tuple[Part, list[Row]]]:
        return [
            (part(projection.table, projection), [kept[key] for key in sorted(kept, key=_sortable)])
            for projection, kept in (self._rows[table] for table in sorted(self._rows))
        ]


def _sortable(key: Key) -> Key:
    return tuple(str(value) for value in key)


def _combine(projection: Projection, names: Sequence[str], old: Row | None, new: Row) -> Row:
    if old is None:
        return new
    match projection:
        case Copy():
            at = names.index("version")
            return new if new[at] > old[at] else old
        case Counter():
            pairs = zip(names, old, new, strict=True)
            return tuple(a if name in projection.key else a + b for name, a, b in pairs)
        case Log():
            return old
        case _:
            assert_never(projection)


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
