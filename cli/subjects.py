"""`civicgrid subjects`: what a record holds of somebody is erased, or kept because it must be."""

from __future__ import annotations

import time
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import ValidationError

from cli.city import NAMES
from cli.client import City, CityError, Refusal, Url
from cli.screen import Json, console, errors, show_json, show_table
from libs.privacy import erasing
from services.registry.bodies import DecisionBody

app = typer.Typer(no_args_is_help=True, help="Erase what a record holds of somebody, or hold it.")

Record = Annotated[
    UUID, typer.Argument(metavar="RECORD", help="id of a lead, a case, an account, an entry")
]
Subject = Annotated[UUID, typer.Argument(metavar="SUBJECT", help="as `subjects list` shows it")]
PATIENCE_SECONDS = 30


@app.command()
def erase(
    record: Record,
    party: Annotated[
        str | None, typer.Option(help="who of it, such as reporter; all of it, if left out")
    ] = None,
    reason: Annotated[str, typer.Option(help="code of why it was granted")] = "asked_for",
    account: Annotated[
        bool, typer.Option("--account", help="the record is an account, which founders alone see")
    ] = False,
    shared: Annotated[
        bool, typer.Option("--shared", help="it is an entry of what the police share")
    ] = False,
    url: Url = None,
) -> None:
    """For good: the keys are destroyed in every service, and come back with no backup. Run again it
    goes on from where it stopped."""
    _check_reason(reason)
    city = City(url, options={"party": "--party", "reason": "--reason"})
    path = f"/subject-requests/{erasing.subjects_of(record, party)[0]}"
    request = _request(city, path)
    if request["erased_at"] and request["status"] in ("", "refused", "confirmed"):
        return console.print(_already(request))
    is_known = _is_known(city, record)
    if not (is_known or account or shared):
        raise CityError(
            f"no lead and no case has the id {record}: nothing was erased. If it is the id of an"
            " account, say so with --account; if of an entry of what the police share, with"
            " --shared. A person has no id: who issued or reads an entry knows that of the entry"
        )
    if request["status"] in ("", "refused"):
        city.post("/subject-requests", {"record": str(record), "party": party})
    if request["status"] in ("", "refused", "filed"):
        if not is_known:
            _check_content(city, path, record)
        city.post(f"{path}/decide", {"granted": True, "reason": reason}, version="*")
    if request["status"] != "carried_out":
        city.post(f"{path}/carry-out", version="*")
    _await_confirmations(city, path)


def _check_reason(reason: str) -> None:
    """Before anything is filed that could then not be granted."""
    try:
        DecisionBody(granted=True, reason=reason)
    except ValidationError:
        raise typer.BadParameter("a code is such as asked_for", param_hint="--reason") from None


def _request(city: City, path: str) -> dict[str, Any]:
    """How far it came; `status` is empty where nothing was asked."""
    try:
        return dict(city.get(path))
    except Refusal as refusal:
        if refusal.status != 404:
            raise
        return {"status": "", "erased_at": None}


def _already(request: dict[str, Any]) -> str:
    told = f"erased already, at {request['erased_at']}"
    if request["status"] != "confirmed":
        return f"{told}, with its record or since its time was over: {request['id']}"
    if request["had_content"] is False:
        told = f"asked for already, at {request['erased_at']}, with no content of it to erase"
    return f"{told}, and confirmed by {', '.join(sorted(NAMES))}: {request['id']}"


def _await_confirmations(city: City, path: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := city.get(path))["missing"] and time.monotonic() < deadline:
        time.sleep(0.1)
    if found["missing"]:
        errors.print(f"not confirmed yet: {', '.join(found['missing'])}")
        raise typer.Exit(1)
    told = "erased, and confirmed by every service"
    if found["had_content"] is False:
        told = "confirmed by every service, but there was no content of it to erase"
    console.print(f"{told}: {found['id']}")


def _check_content(city: City, path: str, record: UUID) -> None:
    """Of an account, and of an entry, something is sealed as long as it is there at all."""
    if city.get(path)["had_content"] is False:
        city.post(f"{path}/decide", {"granted": False, "reason": "no_content"}, version="*")
        raise CityError(f"there is no content of {record}, or no more: nothing was erased")


def _is_known(city: City, record: UUID) -> bool:
    """Of what may not be looked at nobody knows; it is believed to be what it is said to be."""
    for path in ("/leads", "/mediation-cases", "/accounts"):
        try:
            city.get(f"{path}/{record}")
            return True
        except Refusal as refusal:
            if refusal.status not in (403, 404):
                raise
    return False


@app.command()
def hold(
    subject: Subject,
    ground: Annotated[
        str, typer.Argument(help="number of the order that forbids to erase it: court-2026-17")
    ],
    url: Url = None,
) -> None:
    """Nothing of it is erased until it is released. Once more, each year: it is needed still."""
    city, path = City(url), f"/subject-requests/{subject}"
    city.post(f"{path}/hold", {"ground": ground}, version="*")
    told = "held"
    if city.get(path)["had_content"] is False:
        told = "held, but there is no content of it now: see that the id is right"
    console.print(f"{told}: {subject}")


@app.command()
def release(subject: Subject, url: Url = None) -> None:
    """The legal hold is over."""
    City(url).post(f"/subject-requests/{subject}/release", version="*")
    console.print(f"released: {subject}")


@app.command("list")
def list_requests(
    status: Annotated[str | None, typer.Option(help="filed, granted, carried_out ...")] = None,
    holds_due: Annotated[
        bool, typer.Option("--holds-due", help="legal holds that nobody reviewed for a year")
    ] = False,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """What was asked, and which services have not confirmed."""
    rows = list(City(url).pages("/subject-requests", status=status, holds_due=holds_due))
    show_json(rows) if as_json else show_table([_line(row) for row in rows])


def _hold_of(row: dict[str, Any]) -> str:
    ground: str | None = row["ground"]
    if ground and row["erased_at"]:
        return f"{ground}, which came too late"
    return ground or "none"


def _line(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "status": row["status"].replace("_", " ") or "nothing asked",
        "legal hold": _hold_of(row),
        "since": row["held_at"],
        "not confirmed by": row["missing"],
        "overdue": row["overdue"],
    }
