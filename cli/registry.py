"""`civicgrid registry`: bring a city's areas, offices and posts in, and look at them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, get_args
from uuid import UUID, uuid4

import typer
import yaml
from pydantic import ValidationError

from cli.client import City, Url, problem_of
from cli.screen import Json, console, errors, progress, show_json, show_table
from libs.common.contracts.registry import Role
from services.registry import reference
from services.registry.mapping import read_mapping

app = typer.Typer(no_args_is_help=True, help="Areas, offices and posts of the city.")

File = Annotated[Path, typer.Option(exists=True, dir_okay=False)]
SHOWN = 50

Batches = Sequence[tuple[str, Sequence[dict[str, Any]]]]


@app.command("import")
def import_areas(
    areas: File,
    mapping: File,
    strict: Annotated[bool, typer.Option("--strict", help="refuse all for any fault")] = False,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """A city's areas out of GeoJSON or CSV, as docs/importing.md describes; faults one by one."""
    from services.registry import importing  # loads shapely

    try:
        plan = read_mapping(mapping)
    except (ValidationError, yaml.YAMLError) as error:
        raise typer.BadParameter(str(error), param_hint="--mapping") from None
    read = importing.read_areas(areas, plan)
    if not as_json:
        _show_faults(read.faults)
    result: dict[str, Any] = {"faults": [asdict(fault) for fault in read.faults]}
    if read.refused(strict):
        if as_json:
            show_json(result)
        errors.print("[red]refused: nothing was sent[/red]")
        raise typer.Exit(1)
    _finish(result | load(City(url), list(importing.batches(read))), as_json)


@app.command()
def generate(
    plan: Annotated[Path, typer.Option(help="of the city")] = reference.ZHUCHENG,
    seed: Annotated[int, typer.Option(help="the same seed makes the same city")] = 1,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """The reference city: 16 towns, 235 communities, 1,377 and 7,236 cells, 9,318 people."""
    _finish(load(City(url), list(reference.batches(reference.read_plan(plan), seed))), as_json)


@app.command()
def show(
    code: Annotated[str | None, typer.Argument(help="of an area")] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """How much of each there is, or one area with its offices and posts."""
    city = City(url)
    if code is None:
        counts = city.get("/areas/counts")
        return show_json(counts) if as_json else show_table(_by_kind(counts))
    area = city.get(f"/areas/{code}")
    offices = list(city.pages("/organisations", area=code))
    posts = list(city.pages("/posts", area=code))
    if as_json:
        return show_json({**area, "organisations": offices, "posts": posts})
    area["polygon"] = "yes" if area["polygon"] else None
    show_table([area])
    show_table(offices, "offices")
    show_table(posts, "posts")


@app.command()
def appoint(
    post: Annotated[str, typer.Argument(help="its code, such as privacy_officer-370782-1")],
    role: Annotated[str, typer.Option(help=" | ".join(get_args(Role)))],
    area: Annotated[str, typer.Option(help="code of the area it is for")],
    organisation: Annotated[str | None, typer.Option(help="code of its office, if any")] = None,
    person: Annotated[UUID | None, typer.Option(help="a reference; a new one if left out")] = None,
    url: Url = None,
) -> None:
    """Somebody to a post, which is made if there is none of that code."""
    named = ("role", "area", "organisation")
    options = {"person_ref": "--person"} | {name: f"--{name}" for name in named}
    city, holder = City(url, options=options), person or uuid4()
    told = {"code": post, "role": role, "area": area, "organisation": organisation}
    made = city.post("/posts", told)["changed"]
    office = f"of {organisation}" if organisation else "of no office (--organisation names one)"
    console.print(f"{'made' if made else 'there is'} the post {post}: {role} of {area}, {office}")
    city.post("/appointments", {"post": post, "person_ref": str(holder)})
    console.print(f"appointed to {post}: {holder}")


def _by_kind(counts: dict[str, int]) -> list[dict[str, Any]]:
    return [{"kind": kind, "count": count} for kind, count in counts.items()]


def load(city: City, batches: Batches) -> dict[str, Any]:
    """Send it all; how many were new or different, unchanged, refused and why."""
    counts: Counter[str] = Counter(changed=0, unchanged=0, refused=0)
    refused = []
    with progress() as bar:
        task = bar.add_task("sending", total=sum(len(bodies) for _, bodies in batches))
        for (_, bodies), answers in zip(batches, city.load(batches), strict=True):
            for body, answer in zip(bodies, answers, strict=True):
                if "problem" in answer:
                    counts["refused"] += 1
                    refused.append({"code": body.get("code"), "why": problem_of(answer["problem"])})
                else:
                    counts["changed" if answer["changed"] else "unchanged"] += 1
            bar.advance(task, len(bodies))
    return {**counts, "refusals": refused}


def _finish(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show_json(result)
    else:
        show_table(result["refusals"][:SHOWN]) if result["refusals"] else None
        counts = [f"{result[name]:,} {name}" for name in ("changed", "unchanged", "refused")]
        console.print(", ".join(counts))
    if result["refused"]:
        raise typer.Exit(1)


def _show_faults(faults: Sequence[Any]) -> None:
    if not faults:
        return
    show_table([asdict(fault) for fault in faults[:SHOWN]], "faults")
    if len(faults) > SHOWN:
        console.print(f"and {len(faults) - SHOWN} more: --json lists them all")
