"""Lifecycles over HTTP that come in spikes: what is taken, how soon, and what is refused."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from bench import city, stored
from bench.city import EACH
from bench.flow import through
from bench.frame import Compared, Figures, Measure, Side, Sizing, compared
from bench.stand import Stand
from cli import ground
from cli.board import percentile
from libs.common.ids import uuid7
from services.leads.rules import LEAD_TYPES

SEED = 9
ARRIVALS = (1, 15, 1, 25, 2, 35, 10, 0)
"""Lifecycles a second, in steps."""
TRIES = 5
KINDS = sorted(code for code, one in LEAD_TYPES.items() if one.kind == "service")
STEPS = (("sign", None), ("accept", None), ("feed-back", {"outcome": "settled"}))
"""A lead is created, assigned to its unit by the rules, taken, resolved, and searched."""


@dataclass(frozen=True)
class Size:
    """`times`: all arrivals multiplied, one side each."""

    rounds: int
    stored: int
    step_seconds: float
    times: Sequence[int]


SIZES: Mapping[Sizing, Size] = {
    "smallest": Size(1, 0, 0.2, (1,)),
    "quick": Size(3, 0, 2, (1,)),
    "full": Size(3, 1_000_000, 30, (1, 20)),
}


@dataclass
class Lives:
    """`took`: (when it began, milliseconds) of each request that was taken in the end."""

    took: list[tuple[float, float]] = field(default_factory=list)
    refused: int = 0
    failed: int = 0
    created: int = 0


async def run(stand: Stand, sizing: Sizing) -> Compared:
    size = SIZES[sizing]
    cells = await city.prepared(stand)
    if size.stored:
        await through(stand, EACH, cells, 500, SEED)
        await stored.fill(stand, size.stored)
    sides = [Side(_named(times), _spiking(stand, cells, size, times)) for times in size.times]
    data = {
        "lifecycles_per_second": list(ARRIVALS),
        "step_seconds": size.step_seconds,
        "stored_leads": size.stored,
    }
    return await compared(sides, size.rounds, (), seed=SEED, data=data)


def _named(times: int) -> str:
    return f"{EACH}, arrivals x {times}"


def _spiking(stand: Stand, cells: Sequence[str], size: Size, times: int) -> Measure:
    async def measure(n: int) -> Figures:
        before = await ground.counted(stand.settings, "leads", "lead")
        with city.at_work(stand, EACH) as services:
            auth = city.signed(stand)
            lives = await _lives(services["leads"].url, auth, cells, size, times, n)
        after = await ground.counted(stand.settings, "leads", "lead")
        return _figures(lives, size, lost=before + lives.created - after)

    return measure


async def _lives(
    url: str, auth: httpx.Auth, cells: Sequence[str], size: Size, times: int, n: int
) -> Lives:
    """Each begins at its time, whatever became of those before. Times count from the start."""
    chance, lives, waiting = random.Random(SEED + n), Lives(), []
    limits = httpx.Limits(max_connections=256, max_keepalive_connections=256)
    async with httpx.AsyncClient(
        headers={"If-Match": "*"},
        base_url=url,
        timeout=60,
        limits=limits,
        auth=auth,
    ) as client:
        begun = time.monotonic()
        for step, rate in enumerate(ARRIVALS):
            for one in range(int(rate * times * size.step_seconds)):
                due = begun + step * size.step_seconds + one / (rate * times)
                await asyncio.sleep(max(0, due - time.monotonic()))
                told = {"lead_type": chance.choice(KINDS), "cell": chance.choice(cells)}
                waiting.append(asyncio.create_task(_live(client, told, lives, begun)))
        await asyncio.gather(*waiting)
    return lives


async def _live(client: httpx.AsyncClient, told: dict[str, str], lives: Lives, zero: float) -> None:
    id = str(uuid7())
    if not await _ask(client, "POST", "/leads", {"id": id, **told}, lives, zero):
        return
    lives.created += 1
    for step, body in STEPS:
        await _ask(client, "POST", f"/leads/{id}/{step}", body, lives, zero)
    await _ask(client, "GET", f"/leads?limit=20&community={told['cell'][:12]}", None, lives, zero)


async def _ask(
    client: httpx.AsyncClient, verb: str, path: str, body: object, lives: Lives, zero: float
) -> bool:
    """Again after a 503, when it says so: a request may wait, and is then still taken."""
    begun, key = time.monotonic(), {"Idempotency-Key": str(uuid7())}
    for _ in range(TRIES):
        answer = await client.request(verb, path, json=body, headers=key)
        if answer.status_code != 503:
            break
        lives.refused += 1
        await asyncio.sleep(float(answer.headers.get("Retry-After", 1)))
    if answer.status_code >= 400:
        lives.failed += 1
        return False
    lives.took.append((begun - zero, (time.monotonic() - begun) * 1000))
    return True


def _figures(lives: Lives, size: Size, lost: int) -> Figures:
    """`p95_ms_after_a_spike`: of the steps that follow 15, 25 and 35 a second, at their end."""
    step = size.step_seconds
    steps = [
        sorted(ms for begun, ms in lives.took if n * step <= begun < (n + 1) * step)
        for n in range(len(ARRIVALS))
    ]
    after = [
        sorted(ms for begun, ms in lives.took if (n + 0.5) * step <= begun < (n + 1) * step)
        for n in (2, 4, 6)
    ]
    asked = len(lives.took) + lives.failed
    return {
        "success_percent": 100 * len(lives.took) / max(1, asked),
        "p95_ms": percentile(sorted(ms for _, ms in lives.took), 0.95) or 0,
        "p95_ms_before": percentile(steps[0], 0.95) or 0,
        "p95_ms_at_the_highest": percentile(steps[5], 0.95) or 0,
        "p95_ms_after_a_spike": max(percentile(one, 0.95) or 0 for one in after),
        "answered_503": lives.refused,
        "failed": lives.failed,
        "lost": lost,
    }
