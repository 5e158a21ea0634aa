"""Whether memory stays level while leads go through the city at a steady rate."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench import city, machine, paced
from bench.city import ALL, EACH
from bench.frame import Compared, Figures, Side, Sizing, compared
from bench.leads import INTAKE
from bench.processes import Service
from bench.stand import Stand

SEED = 8
WARM_SECONDS = 20


@dataclass(frozen=True)
class Size:
    rounds: int
    rate: int
    seconds: float


SIZES: Mapping[Sizing, Size] = {
    "smallest": Size(1, 20, 1),
    "quick": Size(3, 100, 10),
    "full": Size(1, 100, 600),
}


async def run(stand: Stand, sizing: Sizing) -> Compared:
    size = SIZES[sizing]
    cells = await city.prepared(stand)
    sides = [
        Side(EACH, lambda n: level(stand, EACH, cells, size, n)),
        Side(ALL, lambda n: level(stand, ALL, cells, size, n)),
    ]
    data = {"leads_per_second": size.rate, "seconds": size.seconds}
    return await compared(sides, size.rounds, (), seed=SEED, data=data)


async def level(stand: Stand, how: str, cells: Sequence[str], size: Size, n: int) -> Figures:
    """Mebibytes of each process after it warmed up, and at the end."""
    chance = random.Random(SEED + n)
    with city.at_work(stand, how) as services:
        async with paced.watched(stand, INTAKE, "civicgrid.alerts") as watched:
            await paced.at(size.rate, min(WARM_SECONDS, size.seconds), watched, cells, chance)
            start = _resident(services)
            await paced.at(size.rate, size.seconds / 2, watched, cells, chance)
            middle = _resident(services)
            await paced.at(size.rate, size.seconds / 2, watched, cells, chance)
            end = _resident(services)
    found = {f"{name}_rss_mib_at_the_start": value for name, value in start.items()}
    found |= {f"{name}_rss_mib_at_the_end": value for name, value in end.items()}
    growth = most_growth(start, end), most_growth(middle, end)
    return {**found, "most_growth_of_one": growth[0], "in_the_last_half": growth[1]}


def most_growth(start: Mapping[str, float], end: Mapping[str, float]) -> float:
    """Of the process that grew most: one that leaks must not hide among those that do not."""
    return max(end[name] / start[name] for name in start)


def _resident(services: Mapping[str, Service]) -> Mapping[str, float]:
    """By name; one process for all is counted once."""
    names = {one.pid: name for name, one in services.items()}
    shared = "city" if len(names) == 1 else None
    return {shared or name: machine.resident_mib(pid) for pid, name in names.items()}
