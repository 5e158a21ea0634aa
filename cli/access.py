"""`civicgrid access`: one record or one area outside one's scope, for half an hour at most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, get_args
from uuid import UUID

import typer

from cli.client import NONE, City, CityError, Refusal, Url
from cli.screen import Json, console, show_facts, show_json, show_table
from libs.common.contracts.portal import BreakGlassFinding, BreakGlassReason
from libs.common.ids import uuid7

app = typer.Typer(no_args_is_help=True, help="Break-glass: what is needed now, and is not yours.")

OPTIONS = {
    "case_id": "--case",
    "record": "--record",
    "area": "--area",
    "minutes": "--minutes",
}
Grant = Annotated[UUID, typer.Argument(metavar="GRANT", help="as `access list` shows it")]


@app.command()
def request(
    reason: Annotated[str, typer.Argument(help=" | ".join(get_args(BreakGlassReason)))],
    text: Annotated[str, typer.Argument(help="why, in words; kept sealed")],
    case: Annotated[UUID, typer.Option(help="id of the lead or case that it is for")],
    record: Annotated[UUID | None, typer.Option(help="id of a lead, an alert or a case")] = None,
    area: Annotated[str | None, typer.Option(help="code of a community or a cell")] = None,
    minutes: Annotated[int, typer.Option(min=1, max=30)] = 30,
    emergency: Annotated[
        bool, typer.Option("--emergency", help="at once; somebody approves it within a day")
    ] = False,
    url: Url = None,
) -> None:
    """Ask for one of `--record` and `--area`; somebody above has to approve it."""
    id = uuid7()
    told: dict[str, object] = {"id": str(id), "reason": reason, "text": text}
    told |= {"case_id": str(case)}
    told |= {"record": str(record)} if record else {}
    told |= {"area": area} if area else {}
    told |= {"minutes": minutes, "emergency": emergency}
    City(url, options=OPTIONS).post("/break-glass", told)
    console.print(f"asked for: {id}; once it is granted: civicgrid lead show LEAD --grant {id}")


@app.command()
def approve(grant: Grant, url: Url = None) -> None:
    """By another than who asks, above them and above what they ask for."""
    _step(url, grant, "approve")


@app.command()
def refuse(grant: Grant, url: Url = None) -> None:
    """By another than who asks, above them and above what they ask for: nothing is granted."""
    _step(url, grant, "refuse")


@app.command()
def end(grant: Grant, url: Url = None) -> None:
    """Before its time, by who has it or a desk over them."""
    _step(url, grant, "end")


@app.command()
def review(
    grant: Grant,
    finding: Annotated[str, typer.Argument(help=" | ".join(get_args(BreakGlassFinding)))],
    note: Annotated[str, typer.Argument(help="in words; kept sealed")],
    url: Url = None,
) -> None:
    """Within 72 hours, by neither who had it nor who gave it."""
    _step(url, grant, "review", {"finding": finding, "note": note})


def _step(url: str | None, grant: UUID, step: str, body: object = None) -> None:
    City(url).post(f"/break-glass/{grant}/{step}", body, version="*")
    console.print(f"{step}: {grant}")


@app.command("list")
def list_grants(
    status: Annotated[str | None, typer.Option(help="requested, granted, ended ...")] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Your own, and those that you may decide or have to review."""
    rows = list(City(url).pages("/break-glass", status=status))
    show_json(rows) if as_json else show_table([_line(row) for row in rows])


def _line(row: dict[str, Any]) -> dict[str, Any]:
    """`until`: when it ended; of one that did not yet, when it will."""
    names = ("id", "status", "person_ref", "record", "area", "reason")
    return {**{name: row[name] for name in names}, "until": row["ended_at"] or row["ends_at"]}


@app.command()
def show(grant: Grant, url: Url = None, as_json: Json = False) -> None:
    """One, with its reason in words while that is kept."""
    found = City(url).get(f"/break-glass/{grant}")
    show_json(found) if as_json else show_facts(found)


@contextmanager
def under(grant: UUID | None, url: str | None, options: Mapping[str, str] = NONE) -> Iterator[City]:
    """The city, asked under this grant, if there is one. Who has a grant that is not in force is
    told so, where the city says no more than to anybody. Raises CityError."""
    try:
        yield City(url, grant=grant, options=options)
    except Refusal as refusal:
        if grant is None or refusal.status != 404:
            raise
        if (own := _own(City(url), grant)) is None or own["status"] == "granted":
            raise
        raise CityError(_over(own)) from None


def _own(city: City, grant: UUID) -> dict[str, Any] | None:
    """What may be seen of another's, such as by who approves it, is not told here."""
    try:
        found: dict[str, Any] = city.get(f"/break-glass/{grant}")
        return found if found["person_ref"] == city.get("/me")["person_ref"] else None
    except CityError:
        return None


def _over(grant: Mapping[str, Any]) -> str:
    told = f"your grant {grant['id']} opens nothing: "
    if grant["ended_at"]:
        return f"{told}it ended at {grant['ended_at']}. Ask for another, if it is needed still"
    return told + (
        "nobody has granted it yet" if grant["status"] == "requested" else "it was refused"
    )
