"""`civicgrid demo`: the reference city, an hour of its day in a minute, and every lead's way."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import httpx
import typer

from cli import ground
from cli.board import board, follow, screen_of
from cli.cast import Actor, Cast, signed_in
from cli.city import SERVICES
from cli.client import CityError, language, problem_of
from cli.flow import STAGES, Flow, Journey
from cli.passes import Pass
from cli.scoring import scored
from cli.screen import Json, console, errors, progress, show_json, show_table, tell
from libs.common.ids import uuid7
from libs.common.serving import interface, started
from libs.common.settings import Settings
from services.leads.rules import LEAD_TYPES
from services.registry import reference

ONE_OF_EACH = ("theft", "gas_bottle", "neighbour_quarrel", "street_light")
"""A clue, a hazard, a dispute, a service."""
UNIT_STEPS: Sequence[tuple[str, Any]] = (
    ("sign", None),
    ("accept", None),
    ("feed-back", {"outcome": "settled"}),
)
DESK_STEPS = ("verify", "close")
SEED = 1
HOUR_SECONDS = 60
LEADS_AN_HOUR = 1200
A_CROWD = {"account_rate": 1000.0, "address_rate": 1000.0}
"""Four people do what a whole city does."""
PATIENCE_SECONDS = 60
SCHEME = "grid_areas"


class DemoError(Exception):
    """A lead did not come through; the text says which and where."""


@dataclass(frozen=True)
class Town:
    settings: Settings
    cast: Cast

    async def score(self, area: str) -> str:
        found = await self.cast.centre.ask("GET", f"/scores/{SCHEME}/{area}")
        return str(found["score"])

    async def handled(self, lead: UUID, unit: str, community: str) -> None:
        """By its unit and the desk of its town, from its signing to its closing."""
        for step, body in UNIT_STEPS:
            await self.cast.handling(unit).ask("POST", f"/leads/{lead}/{step}", body)
        for step in DESK_STEPS:
            await self.cast.closing(community).ask("POST", f"/leads/{lead}/{step}")


def demo(
    once: Annotated[bool, typer.Option("--once", help="one lead of each kind, then stop")] = False,
    seconds: Annotated[int, typer.Option(help="how long the hour takes")] = HOUR_SECONDS,
    seed: Annotated[int, typer.Option(help="the same seed plays the same day")] = 1,
    as_json: Json = False,
) -> None:
    """Bring the reference city up, play an hour of its day in a minute, show every lead's way."""
    with ground.opened(tell) as there:
        people, found = asyncio.run(_played(there, once, seconds, random.Random(seed), as_json))
    if as_json:
        show_json({"people": people, "leads": found})
        return
    for lead in found:
        _tell_story(lead)
    _what_next(people[0]["area"])


def _tell_story(lead: dict[str, Any]) -> None:
    took = {stage: _after(ms) for stage, ms in lead["milliseconds"].items()}
    console.print(f"\n[bold]{lead['kind']}[/bold] {lead['id']} in cell {lead['cell']}")
    console.print(f"  routed {took['routed']}, police room {lead['police_room']}")
    console.print(f"  alerted {took['alerted']}: {len(lead['alert_recipients'])} persons told")
    if lead["mediation_case"]:
        console.print(f"  mediated {took['mediated']}: case {lead['mediation_case']}")
    before, after = scored(lead["score_before"]), scored(lead["score_after"])
    console.print(
        f"  scored {took['scored']}: the cell had {before}, and {after} when it was closed"
    )


def _after(milliseconds: float | None) -> str:
    return f"after {milliseconds} ms" if milliseconds else "at once"


async def _played(
    there: ground.Ground, once: bool, seconds: int, chance: random.Random, as_json: bool
) -> tuple[list[Any], list[Any]]:
    """The people who acted, and the leads that were followed one by one."""
    async with _open(there) as town, Flow(town.settings) as flow:
        people = list(town.cast.table())
        if not as_json:
            show_table(people, "who acts, until the next demo")
        cells = await _cells(town.cast.centre)
        if not once:
            await _hour(town, flow, cells, seconds, chance)
            return people, []
        home = [cell for cell in cells if cell["community"] == town.cast.community]
        pairs = zip(ONE_OF_EACH, chance.sample(home, len(ONE_OF_EACH)), strict=True)
        return people, [await _through(town, flow, *pair) for pair in pairs]


def at_play(settings: Settings) -> Settings:
    """A few act for a whole city, in which nobody is real (row P23)."""
    return settings.model_copy(update={**A_CROWD, "demo": True})


@asynccontextmanager
async def _open(there: ground.Ground) -> AsyncIterator[Town]:
    await ground.prepare(there, SERVICES, tell)
    tell("services")
    async with started(SERVICES, at_play(there.settings)) as running:
        transport = httpx.ASGITransport(interface(running), raise_app_exceptions=False)
        headers = {"If-Match": "*", "Accept-Language": language()}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://city", timeout=60, headers=headers
        ) as client:
            assert there.settings.tokens
            founder = Actor(client, Pass(there.settings.tokens))
            await _people(founder)
            await _until(
                lambda: ground.is_known(there.settings, SERVICES),
                "the copies of the city in every service",
            )
            yield Town(there.settings, await signed_in(founder))


async def _people(founder: Actor) -> None:
    """The reference city, unless there is one already."""
    if (await founder.ask("GET", "/areas/counts")).get("city"):
        return
    plan = reference.read_plan(reference.ZHUCHENG)
    batches = list(reference.batches(plan, SEED))
    with progress() as bar:
        task = bar.add_task("the city", total=sum(len(bodies) for _, bodies in batches))
        for route, bodies in batches:
            answer = await founder.ask("POST", route, {"items": bodies})
            failed = [item for item in answer["items"] if "problem" in item]
            if failed:
                raise CityError(problem_of(failed[0]["problem"]))
            bar.advance(task, len(bodies))


async def _cells(centre: Actor) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = ""
    while after is not None:
        page = await centre.ask("GET", f"/areas?level=grid_l3&limit=200&after={after}")
        found += page["items"]
        after = page["next"]
    return found


async def _through(town: Town, flow: Flow, lead_type: str, cell: dict[str, Any]) -> dict[str, Any]:
    """One lead from capture to closing; raises DemoError where it does not come through."""
    before = await town.score(cell["code"])
    journey = await _captured(town, flow, lead_type, cell["code"])
    if journey.kind == "dispute":
        await _mediated(town, journey)
    else:
        await town.handled(journey.id, journey.unit or "", cell["community"])
    await _reached(flow, journey.id, "ended")
    return {
        "id": str(journey.id),
        "kind": journey.kind,
        "cell": journey.cell,
        "police_room": journey.police_room,
        "alert_recipients": list(journey.recipients),
        "mediation_case": journey.case,
        "score_before": before,
        "score_after": await town.score(cell["code"]),
        "milliseconds": {stage: journey.milliseconds(stage) for stage in STAGES},
    }


async def _captured(town: Town, flow: Flow, lead_type: str, cell: str) -> Journey:
    id = uuid7()
    body = {"id": str(id), "lead_type": lead_type, "cell": cell}
    await town.cast.informant.ask("POST", "/leads", body)
    await _reached(flow, id, *STAGES)
    return flow.journeys[id]


async def _reached(flow: Flow, id: UUID, *stages: str) -> None:
    async def there() -> bool:
        await flow.look()
        return id in flow.journeys and flow.journeys[id].has_reached(*stages)

    await _until(there, f"lead {id} to be {', '.join(stages)}")


async def _mediated(town: Town, journey: Journey) -> None:
    """The case is settled, and the lead it came of closed."""
    panel = {"mediators": [str(uuid7())], "consents": [str(uuid7()), str(uuid7())]}
    for step, body in (
        ("accept", {"grade": "simple"}),
        ("form-panel", panel),
        ("hold-session", {"minutes": 45}),
        ("agree", None),
        ("record-performance", None),
        ("close", None),
    ):
        await town.cast.officer.ask("POST", f"/mediation-cases/{journey.case}/{step}", body)

    async def fed_back() -> bool:
        lead = await town.cast.town.ask("GET", f"/leads/{journey.id}")
        return bool(lead["status"] == "fed_back")

    await _until(fed_back, f"lead {journey.id} fed back by its case")
    for step in DESK_STEPS:
        await town.cast.town.ask("POST", f"/leads/{journey.id}/{step}")


async def _hour(
    town: Town, flow: Flow, cells: Sequence[Any], seconds: int, chance: random.Random
) -> None:
    """Leads come at random moments; their units sign and close some of them."""
    playing = asyncio.create_task(_play(town, cells, seconds, chance))
    with screen_of(errors, transient=True) as screen:
        while not playing.done():
            await follow(flow, screen)
        count = await playing

        async def complete() -> bool:
            await follow(flow, screen)
            done = sum(one.has_reached(*STAGES) for one in flow.journeys.values())
            return len(flow.journeys) == done == count

        await _until(complete, "every lead in every service")
    console.print(board(flow.journeys.values()))


async def _play(town: Town, cells: Sequence[Any], seconds: int, chance: random.Random) -> int:
    """How many leads there were, once all that is to be done about them is done."""
    begun = time.monotonic()
    lives = []
    for moment in sorted(chance.uniform(0, seconds) for _ in range(LEADS_AN_HOUR)):
        await asyncio.sleep(max(0, begun + moment - time.monotonic()))
        lead_type = chance.choice(sorted(LEAD_TYPES))
        ends = chance.random() < 0.5
        life = _lives(town, lead_type, chance.choice(cells), ends)
        lives.append(asyncio.create_task(life))
    await asyncio.gather(*lives)
    return len(lives)


async def _lives(town: Town, lead_type: str, cell: dict[str, Any], ends: bool) -> None:
    id = uuid7()
    body = {"id": str(id), "lead_type": lead_type, "cell": cell["code"]}
    answer = await town.cast.informant.ask("POST", "/leads", body)
    if ends and LEAD_TYPES[lead_type].kind != "dispute":
        await town.handled(id, answer["unit"], cell["community"])


async def _until(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await holds():
        if time.monotonic() > deadline:
            raise DemoError(f"gave up after {PATIENCE_SECONDS} s waiting for {what}")
        await asyncio.sleep(0.02)


def _what_next(cell: str) -> None:
    """`cell`: the informant's, who sees no other."""
    console.print(
        "\nTry next:\n"
        "  .venv/bin/civicgrid up                      the city stays, and answers on port 8080\n"
        "  .venv/bin/civicgrid login informant         in another terminal; she needs no code\n"
        f"  .venv/bin/civicgrid lead submit --type gas_bottle --cell {cell}\n"
        "  .venv/bin/civicgrid lead show LEAD          her own lead, by the id that it got\n"
        "  .venv/bin/civicgrid trace LEAD              the whole story of a lead\n"
        "  .venv/bin/civicgrid scoring show            live figures of the towns\n"
        "  .venv/bin/civicgrid status                  what waits where",
        soft_wrap=True,
    )
