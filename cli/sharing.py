"""`civicgrid sharing`: what the police share, in by two persons and out again."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, get_args
from uuid import UUID

import typer
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from cli import ground
from cli.client import City, CityError, Url
from cli.screen import Json, console, show_facts, show_json, show_table
from cli.times import DAY, moment
from libs.common import files
from services.registry import sources
from services.registry.bodies import Rejection, Retention, Withdrawal


def _one_of(reasons: Any) -> Any:
    return typer.Argument(help=f"one of {', '.join(get_args(reasons))}")


app = typer.Typer(no_args_is_help=True, help="What the police share: batches, and entries of them.")

Batch = Annotated[UUID, typer.Argument(metavar="BATCH", help="as `sharing batches` shows it")]
Entry = Annotated[UUID, typer.Argument(metavar="ENTRY", help="as `sharing entries` shows it")]
Key = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="made by `sharing key`")]


@app.command()
def key(
    source: Annotated[str, typer.Argument(help="code of who will send batches")],
    file: Annotated[Path, typer.Argument(dir_okay=False, help="where its key is written")],
    beside: Annotated[
        bool, typer.Option("--beside", help="the one it had is good until the next, too")
    ] = False,
) -> None:
    """A new key for a source, in place of the one it had. Run where the services' keys are."""
    if file.exists():
        raise CityError(f"{file} is there already: a key is written to a new file")
    made = sources.made(source)
    try:
        files.replace(file, made.as_pem(private=True).decode(), 0o600)
        sources.add(ground.tokens_folder(), made, beside=beside)
    except sources.DAMAGED as error:
        file.unlink(missing_ok=True)
        raise CityError(f"no key was made, the one before is good still: {error}") from None
    console.print(f"{file} signs for {source} from now on: hand it over, and keep no copy")


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="a batch, as JSON")],
    key: Key,
    url: Url = None,
) -> None:
    """Sign a batch and bring it in: another person approves it. All that is wrong is told."""
    try:
        batch = json.loads(file.read_text())
        signature = sources.sign(ECKey.import_key(key.read_text()), str(batch["source"]), batch)
    except (ValueError, KeyError, TypeError, JoseError) as error:
        raise CityError(f"{file} is no batch with a source, or {key} is no key: {error}") from None
    told = City(url).post("/shared-batches", {**batch, "signature": signature})
    console.print(f"{'submitted' if told['changed'] else 'known already'}: {told['id']}")


@app.command()
def approve(batch: Batch, url: Url = None) -> None:
    """Its entries are in force from now on. By somebody else than who submitted it."""
    City(url).post(f"/shared-batches/{batch}/approve", version="*")
    console.print(f"approved: {batch}")


@app.command()
def reject(batch: Batch, reason: Annotated[str, _one_of(Rejection)], url: Url = None) -> None:
    """Nothing of what it says is kept."""
    City(url).post(f"/shared-batches/{batch}/reject", {"reason": reason}, version="*")
    console.print(f"rejected: {batch}")


@app.command()
def batches(
    status: Annotated[str | None, typer.Option(help="submitted, approved, rejected ...")] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Their papers, never what they say; city-wide, of those that wait to be decided."""
    rows = list(City(url).pages("/shared-batches", status=status))
    told = ("id", "status", "source", "document", "community", "expires_at", "count")
    show_json(rows) if as_json else show_table([{n: row[n] for n in told} for row in rows])


@app.command()
def batch(batch: Batch, url: Url = None, as_json: Json = False) -> None:
    """The papers of one; to who issued it, its entries, in the order in which they came."""
    found = City(url).get(f"/shared-batches/{batch}")
    show_json(found) if as_json else show_facts(found)


@app.command()
def category(batch: Batch, url: Url = None, as_json: Json = False) -> None:
    """What a batch is of, and for what, for who decides on it. That you looked is written down."""
    path = f"/shared-batches/{batch}/category"
    found: dict[str, Any] = City(url).view(path, "share", str(batch))
    show_json(found) if as_json else show_facts(found)


@app.command()
def entries(
    status: Annotated[str, typer.Option(help="active, expired, withdrawn ...")] = "active",
    grant: Annotated[UUID | None, typer.Option(help="of break-glass: `civicgrid access`")] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """That there are some, and until when; what they say, `sharing entry` shows one by one."""
    rows = list(City(url, grant=grant).pages("/shared-entries", status=status))
    told = ("id", "community", "expires_at", "was_retained")
    show_json(rows) if as_json else show_table([{n: row[n] for n in told} for row in rows])


@app.command()
def entry(
    entry: Entry,
    purpose: Annotated[str, typer.Option(help="resettle, care_for_patients or road_safety")],
    url: Url = None,
    as_json: Json = False,
) -> None:
    """What it says. That you looked, and what for, is written down."""
    city = City(url, options={"purpose": "--purpose"})
    found: dict[str, Any] = city.view(f"/shared-entries/{entry}", purpose, str(entry))
    show_json(found) if as_json else show_facts(found)


@app.command()
def retain(
    entry: Entry,
    until: Annotated[datetime, typer.Argument(parser=moment, help=DAY)],
    reason: Annotated[str, _one_of(Retention)],
    url: Url = None,
) -> None:
    """Needed still: once, and for no longer again than at first."""
    body = {"until": until.isoformat(), "reason": reason}
    City(url).post(f"/shared-entries/{entry}/retain", body, version="*")
    console.print(f"in force until {body['until']}: {entry}")


@app.command()
def withdraw(entry: Entry, reason: Annotated[str, _one_of(Withdrawal)], url: Url = None) -> None:
    """What it says is gone at once, for good."""
    City(url).post(f"/shared-entries/{entry}/withdraw", {"reason": reason}, version="*")
    console.print(f"withdrawn: {entry}")
