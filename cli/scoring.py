"""`civicgrid scoring`: live figures, and the same figures counted again."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

import typer

from cli import ground
from cli.client import City, Url
from cli.screen import Json, console, errors, progress, show_json, show_table
from libs.common.database import session
from services.scoring.domain.formula import NOT_AVAILABLE
from services.scoring.replay import Replay, replay

app = typer.Typer(no_args_is_help=True, help="Figures of offices and areas.")


@app.command()
def show(
    scheme: Annotated[str, typer.Option(help="see GET /schemes")] = "grid_areas",
    kind: Annotated[str | None, typer.Option(help="level of areas, or kind of offices")] = "town",
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Live figures, in percent, each with what it counts."""
    rows = list(City(url).pages("/scores", scheme=scheme, kind=kind))
    if as_json:
        return show_json(rows)
    show_table([_flat(row) for row in rows], scheme)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    figures = {
        one["indicator"]: f"{scored(one['rate'])} ({one['numerator']}/{one['denominator']})"
        for one in row["figures"]
    }
    return {"subject": row["subject"], "score": scored(row["score"]), **figures}


def scored(value: str) -> str:
    return "no figure yet" if value == NOT_AVAILABLE else value


@app.command("replay")
def count_again(as_json: Json = False) -> None:
    """Count all figures again from scoring's journal, and compare them bit for bit."""
    result = asyncio.run(_replay())
    if as_json:
        show_json(asdict(result))
    else:
        console.print(f"{result.events:,} events give {result.figures:,} figures")
        console.print(f"shown:    {result.digest}\nreplayed: {result.replayed_digest}")
    if result.differing:
        errors.print(f"[red]{len(result.differing)} figures differ[/red]")
        raise typer.Exit(1)


async def _replay() -> Replay:
    async with session(ground.attached().url("scoring", "reader")) as connection:
        total = await connection.fetchval("SELECT count(*) FROM applied")
        with progress() as bar:
            task = bar.add_task("counting", total=total)
            return await replay(connection, lambda done: bar.update(task, completed=done))
