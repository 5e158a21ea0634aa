"""How the command shows things: tables for people, JSON for machines, progress on stderr."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from cli import times

UNBROKEN = 200
"""Columns, where a file or a pipe takes what is shown."""

ID = re.compile(r"(?:[a-z_]+-)?[0-9a-f]*\d[0-9a-f-]{7,}")
"""Of a record or a person, or a code of an area or an office."""

console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else UNBROKEN)
errors = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="for machines")]


def show_json(value: object) -> None:
    print(json.dumps(value, default=str, ensure_ascii=False))


def show_table(rows: Sequence[Mapping[str, Any]], title: str | None = None) -> None:
    """A line for each row; where the screen is too narrow, a block of lines. No id is broken."""
    if not rows:
        console.print("none")
        return
    table = _table(rows, title)
    if _narrowest(table) <= console.width:
        console.print(table)
        return
    for row in rows:
        show_facts(row, title)


def _table(rows: Sequence[Mapping[str, Any]], title: str | None) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in rows[0]:
        ids = [len(id) for row in rows for id in ID.findall(shown(row.get(name)))]
        table.add_column(name.replace("_", " "), overflow="fold", min_width=max(ids, default=None))
    for row in rows:
        table.add_row(*(Text(shown(value)) for value in row.values()))
    return table


def _narrowest(table: Table) -> int:
    unlimited = console.options.update(max_width=10_000)
    return Measurement.get(console, unlimited, table).minimum


def show_facts(facts: Mapping[str, Any], title: str | None = None) -> None:
    """What is known of one thing, a line each."""
    known = {name: value for name, value in facts.items() if value not in (None, [], {}, "")}
    rows = [{"of it": name.replace("_", " "), "is": value} for name, value in known.items()]
    console.print(_table(rows, title)) if rows else console.print("none")


def shown(value: object) -> str:
    """In words."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return times.shown(value)
        case list() | tuple():
            return ", ".join(map(shown, value)) or "none"
    return str(value)


def tell(text: str) -> None:
    errors.print(f"[dim]{text}[/dim]")


def progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=errors,
    )
