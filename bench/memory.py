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
WINDOWS = ("the_first_third", "the_second_third", "the_last_third")


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
    """Mebibytes of each process after it warmed up, and at the end; what leaks grows in every
    third, what only fills up grows less and less."""
    chance = random.Random(SEED + n)
    with city.at_work(stand, how) as services:
        async with paced.watched(stand, INTAKE, "civicgrid.alerts") as watched:
            await paced.at(size.rate, min(WARM_SECONDS, size.seconds), watched, cells, chance)
            seen = [_resident(services)]
            for _ in WINDOWS:
                await paced.at(size.rate, size.seconds / len(WINDOWS), watched, cells, chance)
                seen.append(_resident(services))
    found = {f"{name}_rss_mib_at_the_start": value for name, value in seen[0].items()}
    found |= {f"{name}_rss_mib_at_the_end": value for name, value in seen[-1].items()}
    thirds = zip(WINDOWS, seen, seen[1:], strict=False)
    found |= {f"growth_in_{window}": most_growth(*pair) for window, *pair in thirds}
    return {**found, "most_growth_of_one": most_growth(seen[0], seen[-1])}


def most_growth(start: Mapping[str, float], end: Mapping[str, float]) -> float:
    """Of the process that grew most: one that leaks must not hide among those that do not."""
    return max(end[name] / start[name] for name in start)


def _resident(services: Mapping[str, Service]) -> Mapping[str, float]:
    """By name; one process for all is counted once."""
    names = {one.pid: name for name, one in services.items()}
    shared = "city" if len(names) == 1 else None
    return {shared or name: machine.resident_mib(pid) for pid, name in names.items()}
