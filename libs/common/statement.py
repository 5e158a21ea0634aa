"""One SQL statement for everything that a batch stores, hence one transaction and one round trip.

Each part names its table once; the text for a combination of parts is built once and remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

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


SAME = frozenset({"recorded_at", "handled_at", "changed_at", "shape", "exercise", "outcome"})
"""Columns that as a rule say the same in all rows of a batch, and are sent once then. Few, for each
that now does and now does not makes one more statement to prepare."""
TEXTS = frozenset({"text", "json", "jsonb"})
"""Types whose arrays the driver encodes one by one, at ten times the cost of joining them. They are
sent as one text and split by the database."""
BETWEEN, ABSENT = chr(30), chr(31)

Form = Literal["once", "joined", "each"]

Filled = tuple[Part, tuple[Form, ...]]
"""A part, and how each of its columns is sent."""


async def execute(connection: asyncpg.Connection[Any], batch: Batch, *, facts: bool) -> str:
    """Store all rows or none; the id of the transaction. With `facts`, their number rises first."""
    parts, sent = list[Filled](), list[Any]()
    for part, rows in batch:
        if rows:
            columns = zip(part.columns, zip(*rows, strict=True), strict=True)
            forms, values = zip(*(_sent(*column, each) for column, each in columns), strict=True)
            parts.append((part, forms))
            sent += values
    return str(await connection.fetchval(compose(tuple(parts), facts), *sent))


def _sent(name: str, type: str, values: Sequence[Any]) -> tuple[Form, Any]:
    if name in SAME and values.count(values[0]) == len(values):
        return "once", values[0]
    text = joined(values) if type in TEXTS else None
    return ("each", values) if text is None else ("joined", text)


def joined(values: Sequence[Any]) -> str | None:
    """None where they are no texts, or would not come out of it as they went in."""
    absent = values.count(None)
    if absent:
        values = [ABSENT if one is None else one for one in values]
    try:
        text = BETWEEN.join(values)
    except TypeError:
        return None
    is_exact = text.count(BETWEEN) == len(values) - 1 and text.count(ABSENT) == absent
    return text if text and is_exact else None


@lru_cache(maxsize=500)
def compose(parts: tuple[Filled, ...], facts: bool) -> str:
    texts, checks, n = [], dict[str, list[tuple[str, str]]](), 1
    if facts:
        texts.append("changed AS (UPDATE facts SET number = number + 1 RETURNING number)")
    for part, forms in parts:
        arrays, once = _columns(part, forms, n)
        texts.append(f"{part.name}_rows AS ({part.sql.format(rows=_rows(arrays, once))})")
        if part.mismatch:
            shortest = min(arrays.values(), key=len)
            pair = (f"(SELECT count(*) FROM {part.name}_rows)", f"cardinality({shortest})")
            checks.setdefault(part.mismatch, []).append(pair)
        n += len(part.columns)
    selects = [_check(code, pairs) for code, pairs in sorted(checks.items(), reverse=True)]
    wake = [_WAKE] if any(part.name == "event" for part, _ in parts) else []
    return f"WITH {', '.join(texts)} SELECT {', '.join([_ID, *selects, *wake])}"


def _columns(
    part: Part, forms: Sequence[Form], n: int
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """By name, the arrays and the single values in the parameters that begin with the n-th."""
    arrays, once = {}, {}
    for i, ((name, type), form) in enumerate(zip(part.columns, forms, strict=True), n):
        match form:
            case "once":
                once[name] = f"${i}::{type}"
            case "each":
                arrays[name] = f"${i}::{type}[]"
            case "joined":
                arrays[name] = f"string_to_array(${i}::text, chr(30), chr(31))::{type}[]"
    return arrays, once


def _rows(arrays: Mapping[str, str], once: Mapping[str, str]) -> str:
    """A table `new`."""
    table = f"unnest({', '.join(arrays.values())}) AS new ({', '.join(arrays)})"
    if not once:
        return table
    values = ", ".join(f"{value} AS {name}" for name, value in once.items())
    return f"(SELECT new.*, {values} FROM {table}) AS new"


_ID = "pg_current_xact_id()::text"
_WAKE = "pg_notify('event', '')"
"""For the relay, which has nothing to do where no event was stored."""


def _check(code: str, pairs: Iterable[tuple[str, str]]) -> str:
    found, wanted = zip(*pairs, strict=True)
    return f"expect({' + '.join(found)}, {' + '.join(wanted)}, '{code}')"
