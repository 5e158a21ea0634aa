"""Read models and copies of other services' facts, written in the transaction of their cause.

A projection never reads, folds and writes back: two processes would overwrite each other. It is
either a sum of deltas or a row that only a newer version of its source may replace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from libs.common.messages import Envelope, Event

Rows = Callable[[Any, Envelope], Iterable[Sequence[Any]]]
"""(event, envelope) -> rows, each with a value for every column, in the order of `columns`."""


@dataclass(frozen=True)
class Copy:
    """Rows that the newest version of their source replaces.

    `columns` maps names to PostgreSQL types and must hold `version int`; `key` names the primary
    key. With `fact`, the table also has `fact_number bigint` and its rows are kept in memory for
    policies: a service's facts are built from them.
    """

    table: str
    key: tuple[str, ...]
    columns: Mapping[str, str]
    on: Mapping[type[Event], Rows]
    fact: bool = False


@dataclass(frozen=True)
class Counter:
    """Numbers that only grow by deltas: the columns that are not in `key` are added up."""

    table: str
    key: tuple[str, ...]
    columns: Mapping[str, str]
    on: Mapping[type[Event], Rows]


@dataclass(frozen=True)
class Log:
    """Rows that are only added; one whose primary key is there already is left as it is."""

    table: str
    key: tuple[str, ...]
    columns: Mapping[str, str]
    on: Mapping[type[Event], Rows]


Projection = Copy | Counter | Log
