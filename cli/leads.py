"""`civicgrid leads` and `civicgrid lead`: bring leads in, and look at one."""

from __future__ import annotations

import csv
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, get_args
from uuid import UUID

import typer
import yaml
from pydantic import ValidationError

from cli import access
from cli.client import City, CityError, Refusal, Url, problem_of
from cli.screen import Json, console, errors, progress, show_facts, show_json, show_table
from cli.times import DAY, moment
from libs.common.contracts.leads import LeadArbitrated, LeadRouted, LeadUnrouted
from libs.common.ids import uuid7
from libs.privacy.register import registered
from libs.rights import policy
from libs.rights.policy import Relation
from services.leads.bodies import Keeping
from services.leads.importing import Read, read_leads
from services.leads.mapping import read_mapping
from services.leads.rules import LEAD_TYPES

imports = typer.Typer(no_args_is_help=True, help="Many leads at once.")
app = typer.Typer(no_args_is_help=True, help="One lead.")

Lead = Annotated[UUID, typer.Argument(metavar="LEAD", help="its id")]
Grant = Annotated[UUID | None, typer.Option(help="of break-glass: see `civicgrid access`")]
BATCH = 500
SHOWN = 50
UNROUTED = "unrouted"
TYPES = ", ".join(LEAD_TYPES)
RIGHTS = policy.read()["leads"]
ALLOWED = sorted(RIGHTS["show_content"].purposes)
PURPOSES = "; ".join(f"{code} ({registered().purposes[code].en})" for code in ALLOWED)
OPTIONS = {
    "lead_type": "--type",
    "cell": "--cell",
    "longitude": "--lon",
    "latitude": "--lat",
    "text": "--text",
}
ROUTINGS = (LeadRouted.type, LeadUnrouted.type, LeadArbitrated.type)
WRONG_PURPOSE = ("reason_unclear", "not_found")


@imports.command("import")
def import_leads(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    mapping: Annotated[Path, typer.Option(exists=True, dir_okay=False)],
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Old requests out of a CSV file, as docs/importing.md describes, with their history.

    Every row is routed, or waits in the unrouted queue, or is refused with its reason.
    """
    try:
        reads = list(read_leads(file, read_mapping(mapping)))
    except (ValidationError, yaml.YAMLError) as error:
        raise typer.BadParameter(str(error), param_hint="--mapping") from None
    except KeyError as error:
        raise typer.BadParameter(
            f"the file has no column {error}", param_hint="--mapping"
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise typer.BadParameter(f"not a CSV file in UTF-8: {error}") from None
    result = _send(City(url), reads)
    if as_json:
        return show_json(result)
    if result["refusals"]:
        show_table(result["refusals"][:SHOWN], "refused")
    names = ("rows", "routed", "unrouted", "refused", "new", "unchanged")
    console.print(", ".join(f"{result[name]:,} {name}" for name in names))


def _send(city: City, reads: Sequence[Read]) -> dict[str, Any]:
    counts: Counter[str] = Counter(routed=0, unrouted=0, refused=0, new=0, unchanged=0)
    refusals = [_refusal(read, read.reason) for read in reads if read.reason]
    good = [read for read in reads if read.body]
    with progress() as bar:
        task = bar.add_task("importing", total=len(good))
        for batch, answers in _answers(city, good):
            for read, answer in zip(batch, answers, strict=True):
                if "problem" in answer:
                    refusals.append(_refusal(read, problem_of(answer["problem"])))
                    continue
                counts["routed" if answer.get("unit_kind") else UNROUTED] += 1
                counts["new" if answer["status"] == 201 else "unchanged"] += 1
            bar.advance(task, len(batch))
    counts["refused"] = len(refusals)
    return {"rows": len(reads), **counts, "refusals": refusals}


def _answers(city: City, reads: Sequence[Read]) -> Iterator[tuple[list[Read], list[Any]]]:
    rest = iter(reads)
    while batch := list(itertools.islice(rest, BATCH)):
        bodies = [read.body for read in batch if read.body]
        yield batch, next(city.load([("/leads/import", bodies)]))


def _refusal(read: Read, reason: str | None) -> dict[str, Any]:
    return {"line": read.line, "number": read.number, "why": reason}


@imports.command("due")
def list_due(
    status: Annotated[str | None, typer.Option(help="due or kept")] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Leads that ended so long ago that what they hold goes, unless it is kept."""
    rows = list(City(url).pages("/retention-reviews", status=status))
    show_json(rows) if as_json else show_table([_due(row) for row in rows])


def _due(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("id", "record", "cell", "ended", "status", "passes_at")}


@imports.command("unrouted")
def list_unrouted(url: Url = None, as_json: Json = False) -> None:
    """Leads that no rule could route, the oldest first: a centre must say who gets them."""
    rows = list(City(url).pages("/unrouted-leads"))
    show_json(rows) if as_json else show_table([_unrouted(row) for row in rows])


def _unrouted(row: dict[str, Any]) -> dict[str, Any]:
    names = ("id", "lead_type", "urgency", "cell", "received_at")
    return {name: row[name] for name in names} | {"cell": row["cell"] or "no place"}


@app.command()
def keep(
    review: Annotated[UUID, typer.Argument(metavar="REVIEW", help="as `leads due` shows it")],
    until: Annotated[datetime, typer.Argument(parser=moment, help=DAY)],
    reason: Annotated[str, typer.Argument(help=f"one of {', '.join(get_args(Keeping))}")],
    url: Url = None,
) -> None:
    """What a lead holds that is due, once more."""
    told = {"until": until.isoformat(), "reason": reason}
    City(url).post(f"/retention-reviews/{review}/keep", told, version="*")
    console.print(f"kept: {review}")


@app.command()
def content(
    id: Lead,
    purpose: Annotated[str, typer.Option(help=f"what for: {PURPOSES}")] = "handle_leads",
    grant: Grant = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """What was told of an open lead, and by whom. That you looked at it is recorded."""
    try:
        with access.under(grant, url, {"purpose": "--purpose"}) as city:
            told = city.view(f"/leads/{id}/content", purpose, str(id))
    except Refusal as refusal:
        if refusal.code in WRONG_PURPOSE and purpose not in ALLOWED:
            raise CityError(
                f"--purpose {purpose} does not open what was told of a lead. Allowed: {PURPOSES}"
            ) from None
        raise
    if as_json:
        return show_json(told)
    show_facts({**told, **told.pop("reporter", {})})
    console.print(f"this view is recorded, for the purpose {purpose}")


@app.command()
def submit(
    lead_type: Annotated[str, typer.Option("--type", help=TYPES)],
    cell: Annotated[
        str | None, typer.Option(help="code of the cell; an informant sees leads of her own alone")
    ] = None,
    lon: Annotated[float | None, typer.Option(help="degrees, WGS 84")] = None,
    lat: Annotated[float | None, typer.Option(help="degrees, WGS 84")] = None,
    text: Annotated[str | None, typer.Option(help="what was seen")] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Capture a lead, and show where it went."""
    told = {"lead_type": lead_type, "cell": cell, "longitude": lon, "latitude": lat, "text": text}
    body = {name: value for name, value in told.items() if value is not None}
    city = City(url, options=OPTIONS)
    answer = city.post("/leads", {"id": str(uuid7()), "channel": "console", **body})
    if as_json:
        return show_json(answer)
    show_facts(answer)
    may = _may(city, answer)
    if answer["state"] == UNROUTED:
        why = "no rule and no unit fits it" if answer["cell"] else "it has no place in the city"
        how = " with `civicgrid leads unrouted`" if "list_unrouted" in may else ""
        errors.print(f"{why}: it waits until a centre finds it{how}")
    if "show_lead" in may:
        console.print(f"where it is now: civicgrid lead show {answer['id']}")


def _may(city: City, lead: Mapping[str, Any]) -> set[str]:
    """What whoever is signed in may do to this lead by their posts, of what looks for one: it is
    not tried, for what is refused leaves a row of audit. The lead is captured, whatever becomes of
    this."""
    try:
        posts, around = city.get("/me")["posts"], _around(city, lead["cell"])
    except CityError:
        return set()
    return {
        name
        for name in ("show_lead", "list_unrouted")
        for post in posts
        if _is_theirs(RIGHTS[name].rights.get(post["role"], frozenset()), post, lead, around)
    }


def _is_theirs(
    relations: Set[Relation], post: Mapping[str, Any], lead: Mapping[str, Any], around: Set[str]
) -> bool:
    unit = lead.get("unit")
    return (
        ("own" in relations and post["area"] == lead["cell"])
        or ("within" in relations and post["area"] in around)
        or ("unit" in relations and unit is not None and post["organisation"] == unit)
    )


def _around(city: City, cell: str | None) -> set[str]:
    """The areas that a cell is in, itself one of them; of what has no place, the city alone."""
    if cell is None:
        return {area["code"] for area in city.pages("/areas", level="city")}
    above: set[str] = set()
    code: str | None = cell
    while code:
        above.add(code)
        code = city.get(f"/areas/{code}")["parent"]
    return above


@app.command()
def show(id: Lead, grant: Grant = None, url: Url = None, as_json: Json = False) -> None:
    """A lead, what happened to it, and why it went where it went."""
    with access.under(grant, url) as city:
        lead = city.get(f"/leads/{id}")
    steps = _timeline(city, id)
    if as_json:
        return show_json({**lead, "timeline": steps})
    explanation = lead.pop("explanation", None) or {}
    show_facts({**lead, **_rule(steps or ())})
    if steps is None:
        errors.print("what happened to it is not for your posts")
    else:
        names = ("version", "event", "at")
        rows = [(one["version"], one["type"], one["recorded_at"]) for one in steps]
        show_table([dict(zip(names, row, strict=True)) for row in rows])
    if explanation.get("losing"):
        show_table(explanation["losing"], "rules that did not apply")


def _timeline(city: City, id: UUID) -> list[dict[str, Any]] | None:
    """None where whoever sees the lead does not see this."""
    try:
        return list(city.get(f"/leads/{id}/timeline")["items"])
    except Refusal as refusal:
        if refusal.status not in (403, 404):
            raise
        return None


def _rule(steps: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Which one, of which set, gave it its unit last; or that a person did, or why none could."""
    routings = [step for step in steps if step["type"] in ROUTINGS]
    if not routings:
        return {}
    last = routings[-1]["data"]
    match routings[-1]["type"]:
        case LeadUnrouted.type:
            return {"not_routed": last["reason"].replace("_", " ")}
        case LeadRouted.type if not last["overridden"]:
            return {"rule": last["rule"], "rule_set": last["rule_set"]}
    return {"rule": "none: a person chose the unit"}
