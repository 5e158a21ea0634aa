"""One SQL statement for everything that a batch stores, hence one transaction and one round trip.

Each part names its table once; the text for a combination of parts is built once and remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import asyncpg

CONFLICT = "40001"
"""SQLSTATE of a compare-and-set that met another writer: decide again."""
FENCED = "CG001"
"""SQLSTATE of a position in Kafka that is not where this process stands."""


@dataclass(frozen=True)
class Part:
    """Rows for one table. In `sql`, `{rows}` stands for the rows as a table `new (columns)`.

    Where `mismatch` is set, every row must take effect, else the statement fails with it.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    sql: str
    mismatch: str | None = None


def insert(
    table: str,
    columns: Mapping[str, str],
    conflict: str = "",
    *,
    mismatch: str | None = None,
    more: Mapping[str, str] | None = None,
) -> Part:
    """Rows to add; `conflict` is an ON CONFLICT clause, `more` are columns with an expression."""
    more = more or {}
    names = ", ".join([*columns, *more])
    values = ", ".join([*(f"new.{name}" for name in columns), *more.values()])
    sql = f"INSERT INTO {table} ({names}) SELECT {values} FROM {{rows}} {conflict} RETURNING 1"
    return Part(table, tuple(columns.items()), sql, mismatch)


Batch = Sequence[tuple[Part, Sequence[Sequence[Any]]]]


TIMES = frozenset({"recorded_at", "handled_at", "changed_at"})
"""Columns with the time of the batch: the driver takes longest for a time, so one that is the same
in all rows is sent once. It is, unless events are stored that were published long ago."""


Filled = tuple[Part, frozenset[str]]
"""A part, and its columns of which one value is sent for all rows."""


async def execute(connection: asyncpg.Connection[Any], batch: Batch, *, facts: bool) -> str:
    """Store all rows or none; the id of the transaction. With `facts`, their number rises first."""
    parts, sent = list[Filled](), list[Any]()
    for part, rows in batch:
        if rows:
            columns = list(zip(part.columns, zip(*rows, strict=True), strict=True))
            once = frozenset(name for (name, _), values in columns if _is_once(name, values))
            parts.append((part, once))
            sent += [values[0] if name in once else values for (name, _), values in columns]
    return str(await connection.fetchval(compose(tuple(parts), facts), *sent))


def _is_once(name: str, values: Sequence[Any]) -> bool:
    return name in TIMES and values.count(values[0]) == len(values)


@lru_cache(maxsize=500)
def compose(parts: tuple[Filled, ...], facts: bool) -> str:
    texts, checks, n = [], dict[str, list[tuple[str, str]]](), 1
    if facts:
        texts.append("changed AS (UPDATE facts SET number = number + 1 RETURNING number)")
    for part, once in parts:
        texts.append(f"{part.name}_rows AS ({part.sql.format(rows=_rows(part, once, n))})")
        if part.mismatch:
            pair = (f"(SELECT count(*) FROM {part.name}_rows)", f"cardinality(${n})")
            checks.setdefault(part.mismatch, []).append(pair)
        n += len(part.columns)
    selects = [_check(code, pairs) for code, pairs in sorted(checks.items(), reverse=True)]
    wake = [_WAKE] if any(part.name == "event" for part, _ in parts) else []
    return f"WITH {', '.join(texts)} SELECT {', '.join([_ID, *selects, *wake])}"


def _rows(part: Part, once: frozenset[str], n: int) -> str:
    """Its rows as a table `new`, from parameters that begin with the n-th."""
    each = [(f"${n + i}::{type}", name) for i, (name, type) in enumerate(part.columns)]
    arrays, names = zip(
        *((f"{one}[]", name) for one, name in each if name not in once), strict=True
    )
    table = f"unnest({', '.join(arrays)}) AS new ({', '.join(names)})"
    if not once:
        return table
    values = ", ".join(f"{one} AS {name}" for one, name in each if name in once)
    return f"(SELECT new.*, {values} FROM {table}) AS new"


_ID = "pg_current_xact_id()::text"
_WAKE = "pg_notify('event', '')"
"""For the relay, which has nothing to do where no event was stored."""


def _check(code: str, pairs: Iterable[tuple[str, str]]) -> str:
    found, wanted = zip(*pairs, strict=True)
    return f"expect({' + '.join(found)}, {' + '.join(wanted)}, '{code}')"
