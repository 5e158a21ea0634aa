"""`civicgrid dead-letters`: messages that could not be handled."""

from __future__ import annotations

import asyncio
from uuid import UUID

import typer

from cli import ground, letters
from cli.city import NAMES
from cli.screen import Json, console, show_json, show_table

app = typer.Typer(no_args_is_help=True, help="Messages that could not be handled.")


@app.command("list")
def list_letters(as_json: Json = False) -> None:
    """The newest of every service. Times are shown in UTC."""
    found = asyncio.run(letters.listed(ground.attached(), NAMES))
    if as_json:
        return show_json(found)
    show_table(found)


@app.command()
def show(id: UUID) -> None:
    """All of one, as JSON."""
    show_json(asyncio.run(letters.shown(ground.attached(), NAMES, id)))


@app.command()
def retry(id: UUID) -> None:
    """Hand one to its service once more."""
    console.print(f"{asyncio.run(letters.retried(ground.attached(), NAMES, id))} tries it again")


@app.command()
def discard(id: UUID) -> None:
    """Drop one for good."""
    console.print(f"dropped from {asyncio.run(letters.discarded(ground.attached(), NAMES, id))}")
