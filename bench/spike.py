"""Lifecycles over HTTP that come in spikes: what is taken, how soon, and what is refused."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench import city, stored
from bench.city import EACH
from bench.clients import Crowd
from bench.flow import through
from bench.frame import Compared, Figures, Measure, Side, Sizing, compared
from bench.stand import Stand
from cli.board import percentile
from cli.passes import Pass
from libs.common.database import session
from libs.common.ids import uuid7
from services.leads.rules import LEAD_TYPES

SEED = 9
ARRIVALS = (1, 15, 1, 25, 2, 35, 10, 0)
"""Lifecycles a second, in steps."""
TRIES = 5
KINDS = sorted(code for code, one in LEAD_TYPES.items() if one.kind == "service")
LOST = """
SELECT count(*) FROM unnest($1::uuid[]) AS told (id)
WHERE NOT EXISTS (SELECT FROM lead WHERE lead.id = told.id)
"""
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
    created: list[str] = field(default_factory=list)


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
        with city.at_work(stand, EACH) as services:
            auth = city.signed(stand)
            lives = await spiking(services["leads"].url, auth, cells, size, times, n)
        async with session(stand.settings.url("leads", "reader")) as reader:
            lost = await reader.fetchval(LOST, lives.created)
        return _figures(lives, size, lost)

    return measure


async def spiking(
    url: str, auth: Pass, cells: Sequence[str], size: Size, times: int, n: int
) -> Lives:
    """Each begins at its time, whatever became of those before. Times count from the start."""
    chance, lives, waiting = random.Random(SEED + n), Lives(), []
    crowd, begun = Crowd(url), time.monotonic()
    for step, rate in enumerate(ARRIVALS):
        for one in range(int(rate * times * size.step_seconds)):
            due = begun + step * size.step_seconds + one / (rate * times)
            await asyncio.sleep(max(0, due - time.monotonic()))
            told = {"lead_type": chance.choice(KINDS), "cell": chance.choice(cells)}
            person = Person(crowd, auth, lives, begun)
            waiting.append(asyncio.create_task(person.live(told)))
    await asyncio.gather(*waiting)
    crowd.close()
    return lives


@dataclass(frozen=True)
class Person:
    """`zero`: when the run began."""

    crowd: Crowd
    auth: Pass
    lives: Lives
    zero: float

    async def live(self, told: Mapping[str, str]) -> None:
        id = str(uuid7())
        if not await self._ask("POST", "/leads", {"id": id, **told}):
            return
        self.lives.created.append(id)
        for step, body in STEPS:
            await self._ask("POST", f"/leads/{id}/{step}", body)
        await self._ask("GET", f"/leads?limit=20&community={told['cell'][:12]}", None)

    async def _ask(self, verb: str, path: str, body: object) -> bool:
        """Again after a 503, when it says so: a request may wait, and is then still taken."""
        begun, told = time.monotonic(), "" if body is None else json.dumps(body)
        headers = {"If-Match": "*", "Idempotency-Key": str(uuid7())}
        for _ in range(TRIES):
            signed = {**headers, "Authorization": self.auth.header}
            status, answered = await self.crowd.ask(verb, path, told, signed)
            if status != 503:
                break
            self.lives.refused += 1
            await asyncio.sleep(float(answered.get("retry-after", 1)))
        if not 200 <= status < 300:
            self.lives.failed += 1
            return False
        self.lives.took.append((begun - self.zero, (time.monotonic() - begun) * 1000))
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
    before = percentile(steps[0], 0.95) or 0
    afterwards = max(percentile(one, 0.95) or 0 for one in after)
    return {
        "success_percent": 100 * len(lives.took) / max(1, asked),
        "p95_ms": percentile(sorted(ms for _, ms in lives.took), 0.95) or 0,
        "p95_ms_before": before,
        "p95_ms_at_the_highest": percentile(steps[5], 0.95) or 0,
        "p95_ms_after_a_spike": afterwards,
        "p95_after_a_spike_to_before": afterwards / before if before else 1,
        "answered_503": lives.refused,
        "failed": lives.failed,
        "lost": lost,
    }
