"""Leads through all five services: how many a second, and how soon the alert is there.

`make bench ARGS=--quick` takes about a minute; without it the numbers are larger. Each run adds a
line to `bench/results/flow.jsonl`.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import random
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import httpx
import typer

from bench.machine import ROOT
from bench.processes import running
from cli import ground
from cli.board import percentile
from cli.city import NAMES, SERVICES
from cli.flow import STAGES, Flow
from cli.screen import console, show_table, tell
from libs.common.database import session
from libs.common.ids import uuid7
from libs.common.settings import Settings
from services.leads.rules import LEAD_TYPES
from services.registry import reference

FOLDER = ROOT / ".data" / "bench"
LEDGER = ROOT / "bench" / "results" / "flow.jsonl"
SENDERS = 8
BATCH = 50
PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Size:
    """`leads` as fast as they go, then `rate` a second for `seconds`, one request each."""

    leads: int
    rate: int
    seconds: int


QUICK, FULL = Size(5_000, 50, 10), Size(50_000, 50, 60)


@dataclass(frozen=True)
class Result:
    at: str
    commit: str
    cores: int
    python: str
    leads: int
    leads_per_second: float
    events_per_second: float
    rate: int
    alerted_p50_ms: float | None
    alerted_p99_ms: float | None
    scored_p50_ms: float | None
    scored_p99_ms: float | None


def main(quick: Annotated[bool, typer.Option("--quick", help="a minute")] = False) -> None:
    """Measure the whole flow on this machine."""
    with ground.opened(tell, FOLDER) as there:
        result = asyncio.run(_measured(there, QUICK if quick else FULL))
    LEDGER.parent.mkdir(exist_ok=True)
    with LEDGER.open("a") as ledger:
        ledger.write(json.dumps(asdict(result)) + "\n")
    show_table([{"measured": name, "": value} for name, value in asdict(result).items()])
    console.print(f"added to {LEDGER.relative_to(ROOT)}")


async def _measured(there: ground.Ground, size: Size) -> Result:
    await ground.prepare(there, SERVICES, tell)
    settings = there.settings
    with running(NAMES, settings) as at_work:
        urls = {name: one.url for name, one in at_work.items()}
        async with httpx.AsyncClient(timeout=60) as client:
            cells = await _city(settings, client, urls["registry"])
            chance = random.Random(1)
            tell(f"{size.leads:,} leads as fast as they go")
            took, events = await _throughput(settings, client, urls["leads"], cells, chance, size)
            tell(f"{size.rate} leads a second for {size.seconds} s")
            async with Flow(settings) as flow:
                await _paced(client, urls["leads"], cells, chance, size, flow)
                times = {stage: _times(flow, stage) for stage in STAGES}
    return Result(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=_commit(),
        cores=os.cpu_count() or 0,
        python=platform.python_version(),
        leads=size.leads,
        leads_per_second=round(size.leads / took, 1),
        events_per_second=round(events / took, 1),
        rate=size.rate,
        alerted_p50_ms=percentile(times["alerted"], 0.5),
        alerted_p99_ms=percentile(times["alerted"], 0.99),
        scored_p50_ms=percentile(times["scored"], 0.5),
        scored_p99_ms=percentile(times["scored"], 0.99),
    )


async def _city(settings: Settings, client: httpx.AsyncClient, url: str) -> list[str]:
    """The reference city, unless it is there; the codes of its smallest cells, known to all."""
    if not (await client.get(f"{url}/areas/counts")).json().get("city"):
        tell("the reference city")
        for route, bodies in reference.batches(reference.read_plan(reference.ZHUCHENG), 1):
            answer = await client.post(url + route, json={"items": bodies})
            answer.raise_for_status()
    while not await ground.is_known(settings, SERVICES):
        await asyncio.sleep(0.2)
    async with session(settings.url("leads", "reader")) as connection:
        rows = await connection.fetch("SELECT code FROM city_area WHERE level = 'grid_l3'")
    return [row["code"] for row in rows]


def _lead(cells: Sequence[str], chance: random.Random) -> dict[str, Any]:
    lead_type = chance.choice(sorted(LEAD_TYPES))
    return {"id": str(uuid7()), "lead_type": lead_type, "cell": chance.choice(cells)}


async def _throughput(
    settings: Settings,
    client: httpx.AsyncClient,
    url: str,
    cells: Sequence[str],
    chance: random.Random,
    size: Size,
) -> tuple[float, int]:
    """Seconds from the first request until scoring has counted the last lead; events stored."""
    before, events = await _scored(settings), await _events(settings)
    leads = [_lead(cells, chance) for _ in range(size.leads)]
    batches = [leads[n : n + BATCH] for n in range(0, len(leads), BATCH)]

    async def sender() -> None:
        while batches:
            answer = await client.post(f"{url}/leads/batch", json={"items": batches.pop()})
            answer.raise_for_status()

    begun = time.monotonic()
    await asyncio.gather(*(sender() for _ in range(SENDERS)))
    while await _scored(settings) < before + size.leads:
        if time.monotonic() - begun > PATIENCE_SECONDS:
            raise SystemExit(f"not every lead was scored within {PATIENCE_SECONDS} s")
        await asyncio.sleep(0.02)
    return time.monotonic() - begun, await _events(settings) - events


async def _paced(
    client: httpx.AsyncClient,
    url: str,
    cells: Sequence[str],
    chance: random.Random,
    size: Size,
    flow: Flow,
) -> None:
    """Requests begin at their time, whatever became of those before."""
    begun, waiting = time.monotonic(), []
    for n in range(size.rate * size.seconds):
        await asyncio.sleep(max(0, begun + n / size.rate - time.monotonic()))
        post = client.post(f"{url}/leads", json=_lead(cells, chance))
        waiting.append(asyncio.create_task(post))
    await asyncio.gather(*waiting)
    while not all(one.has_reached(*STAGES) for one in flow.journeys.values()) or len(
        flow.journeys
    ) < len(waiting):
        await flow.look()
        await asyncio.sleep(0.05)


def _times(flow: Flow, stage: str) -> list[float]:
    found = (one.milliseconds(stage) for one in flow.journeys.values())
    return sorted(time for time in found if time is not None)


async def _scored(settings: Settings) -> int:
    return await ground.counted(settings, "scoring", "applied WHERE type = 'lead.captured.v1'")


async def _events(settings: Settings) -> int:
    return sum([await ground.counted(settings, name, "event") for name in NAMES])


def _commit() -> str:
    asked = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    typer.run(main)
