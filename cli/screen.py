"""How the command shows things: tables for people, JSON for machines, progress on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

UNBROKEN = 200
"""Columns, where a file or a pipe takes what is shown."""

console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else UNBROKEN)
errors = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="for machines")]


def show_json(value: object) -> None:
    print(json.dumps(value, default=str, ensure_ascii=False))


def show_table(rows: Sequence[Mapping[str, Any]], title: str | None = None) -> None:
    if not rows:
        console.print("none")
        return
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in rows[0]:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(shown(value) for value in row.values()))
    console.print(table)


def show_facts(facts: Mapping[str, Any]) -> None:
    """What is known of one thing, a line each."""
    known = {name: value for name, value in facts.items() if value not in (None, [], {}, "")}
    show_table([{"of it": name.replace("_", " "), "is": value} for name, value in known.items()])


def shown(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return "" if value is None else str(value)


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
