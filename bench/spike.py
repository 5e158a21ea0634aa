"""Lifecycles over HTTP that come in spikes: what is taken, how soon, and what is refused."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bench import city, stored
from bench.city import EACH
from bench.clients import Crowd
from bench.flow import through
from bench.frame import Compared, Figures, Measure, Side, Sizing, compared
from bench.stand import Stand
from cli.board import percentile
from cli.passes import Pass
from libs.common.contracts.leads import LeadAccepted, LeadCaptured, LeadFedBack, LeadSigned
from libs.common.database import session
from libs.common.ids import uuid7
from services.leads.rules import LEAD_TYPES

SEED = 9
ARRIVALS = (1, 15, 1, 25, 2, 35, 10, 0)
"""Lifecycles a second, in steps."""
TRIES = 5
KINDS = sorted(code for code, one in LEAD_TYPES.items() if one.kind == "service")
TOLD = [one.type for one in (LeadCaptured, LeadSigned, LeadAccepted, LeadFedBack)]
LOST = """
SELECT count(*) FROM unnest($1::uuid[], $2::int[]) AS told (id, steps)
WHERE told.steps > (SELECT count(*) FROM event WHERE stream_id = told.id AND type = ANY ($3))
"""
"""Leads of which something is not stored that was acknowledged."""
STEPS = (("sign", None), ("accept", None), ("feed-back", {"outcome": "settled"}))
"""A lead is created, assigned to its unit by the rules, taken, resolved, and searched."""
LATE_MS = 1000
T = TypeVar("T")


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
    """Requests by when they began, in seconds. `took`: milliseconds of each that was taken in the
    end. `failed`: the last answer to each that was not, with which a lifecycle ends; 0 is none.
    `refused`: answers 503. `steps`: how many were acknowledged, by lead. `whole`: milliseconds of
    each lifecycle all of which was taken."""

    took: list[tuple[float, float]] = field(default_factory=list)
    failed: list[tuple[float, int]] = field(default_factory=list)
    refused: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    whole: list[float] = field(default_factory=list)


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
            lost = await reader.fetchval(LOST, list(lives.steps), list(lives.steps.values()), TOLD)
        return {**figures(lives, size.step_seconds, times), "lost": lost}

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
        """What is refused for good is not gone on with."""
        begun, id = time.monotonic(), str(uuid7())
        asked: list[tuple[str, object]] = [("/leads", {"id": id, **told})]
        asked += [(f"/leads/{id}/{step}", body) for step, body in STEPS]
        for path, body in asked:
            if not await self._ask("POST", path, body):
                return
            self.lives.steps[id] += 1
        if await self._ask("GET", f"/leads?limit=20&community={told['cell'][:12]}", None):
            self.lives.whole.append((time.monotonic() - begun) * 1000)

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
            self.lives.failed.append((begun - self.zero, status))
            return False
        self.lives.took.append((begun - self.zero, (time.monotonic() - begun) * 1000))
        return True


def figures(lives: Lives, step: float, times: int) -> Figures:
    """`success_percent`: of lifecycles. `p95_ms`: of requests.
    `p95_ms_after_a_spike`: of the steps that follow 15, 25 and 35 a second, at their end.
    `knee`: the most lifecycles a second of a step in which all were taken, 95 % within a second.
    `taken`: lifecycles a second that were served while the most were asked for."""
    steps = [_begun(lives.took, n * step, (n + 1) * step) for n in range(len(ARRIVALS))]
    after = [_begun(lives.took, (n + 0.5) * step, (n + 1) * step) for n in (2, 4, 6)]
    held = [
        rate * times
        for n, (rate, took) in enumerate(zip(ARRIVALS, steps, strict=True))
        if took and _p95(took) <= LATE_MS and not _begun(lives.failed, n * step, (n + 1) * step)
    ]
    highest = ARRIVALS.index(max(ARRIVALS))
    answered = [begun + ms / 1000 for begun, ms in lives.took]
    served = sum(highest * step <= at < (highest + 1) * step for at in answered)
    before, afterwards = _p95(steps[0]), max(_p95(one) for one in after)
    refused = sum(status == 503 for _, status in lives.failed)
    return {
        "success_percent": 100 * len(lives.whole) / max(1, len(lives.whole) + len(lives.failed)),
        "p95_ms": _p95([ms for _, ms in lives.took]),
        "p95_ms_of_a_lifecycle": _p95(lives.whole),
        "p95_ms_before": before,
        "p95_ms_at_the_highest": _p95(steps[highest]),
        "p95_ms_after_a_spike": afterwards,
        "p95_after_a_spike_to_before": afterwards / before if before else 1,
        "knee_lifecycles_per_second": max(held, default=0),
        "taken_lifecycles_per_second_at_the_highest": served / (len(STEPS) + 2) / step,
        "answered_503": lives.refused,
        "failed_by_503": refused,
        "failed_otherwise": len(lives.failed) - refused,
    }


def _begun(requests: Sequence[tuple[float, T]], since: float, until: float) -> list[T]:
    return [told for begun, told in requests if since <= begun < until]


def _p95(milliseconds: Sequence[float]) -> float:
    return percentile(sorted(milliseconds), 0.95) or 0
