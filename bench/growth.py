"""The flow over more and more stored leads."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench import city, machine, stored
from bench.city import ALL, EACH
from bench.flow import through
from bench.frame import Compared, Figures, Measure, Side, Sizing, compared
from bench.stand import Stand
from cli import ground
from cli.screen import tell

SEED = 7
TEMPLATES = 500
"""Real leads, of which the stored ones are copies."""
BYTES_A_LEAD = 15_000
"""In the databases of all services, with their indexes."""


@dataclass(frozen=True)
class Size:
    """`leads` go through the flow at each size of what is `stored`."""

    rounds: int
    leads: int
    stored: Sequence[int]
    how: str = EACH


SIZES: Mapping[Sizing, Size] = {
    "smallest": Size(1, 100, (1_000,), ALL),
    "quick": Size(3, 1_500, (10_000, 100_000)),
    "full": Size(3, 12_000, (100_000, 1_000_000, 3_000_000, 10_000_000)),
}


async def run(stand: Stand, sizing: Sizing) -> Compared:
    """What was filled cannot be taken out again: sizes come in order, rounds one after the other.
    The city is made anew before and after."""
    size = SIZES[sizing]
    cells = await city.fresh(stand)
    counts = [count for count in size.stored if _has_room(count)]
    sides = [Side(_named(count), _over(stand, cells, count, size)) for count in counts]
    pairs = [("leads_per_second", _named(n), _named(counts[0])) for n in counts[1:]]
    data = {"leads": size.leads, "stored_leads": counts, "how": size.how}
    try:
        return await compared(sides, size.rounds, pairs, seed=SEED, data=data, in_turn=False)
    finally:
        await city.forget(stand)


def _has_room(count: int) -> bool:
    free = shutil.disk_usage(machine.ROOT).free
    if count * BYTES_A_LEAD <= free:
        return True
    tell(f"{_named(count)} need {count * BYTES_A_LEAD / 1e9:,.0f} GB, {free / 1e9:,.0f} are free")
    return False


def _named(count: int) -> str:
    return f"{count:,} stored leads"


def _over(stand: Stand, cells: Sequence[str], count: int, size: Size) -> Measure:
    async def measure(n: int) -> Figures:
        if await ground.counted(stand.settings, "leads", "lead") < TEMPLATES:
            await through(stand, size.how, cells, TEMPLATES, SEED)
        await stored.fill(stand, count)
        return await through(stand, size.how, cells, size.leads, SEED + n)

    return measure
