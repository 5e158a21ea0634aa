"""The flow over more and more stored leads, and over a hundred times the communities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench import city, stored
from bench.city import EACH, ZHUCHENG
from bench.flow import through
from bench.frame import Compared, Figures, Measure, Side, Sizing, compared
from bench.stand import Stand
from cli import ground
from services.registry.reference.plan import Plan

SEED = 7
TEMPLATES = 500
"""Real leads, of which the stored ones are copies."""
FEW, MANY = "235 communities", "23,500 communities"


@dataclass(frozen=True)
class Size:
    """`leads` go through the flow at each size of what is `stored`; `many`: of the large city."""

    rounds: int
    leads: int
    stored: Sequence[int]
    many: int


SIZES: Mapping[Sizing, Size] = {
    "smallest": Size(1, 100, (1_000,), 0),
    "quick": Size(3, 1_500, (10_000, 100_000), 0),
    "full": Size(3, 12_000, (100_000, 1_000_000, 10_000_000), 23_500),
}


async def run(stand: Stand, sizing: Sizing) -> Compared:
    """What was filled cannot be taken out again: sizes come in order, rounds one after the other.
    The city is made anew before and after."""
    size = SIZES[sizing]
    if size.many:
        await city.forget(stand)
    sides = [
        *([Side(FEW, lambda n: _at(stand, 0, size, n, ZHUCHENG))] if size.many else []),
        *(Side(_named(count), _filled(stand, count, size)) for count in size.stored),
        *([Side(MANY, lambda n: _at(stand, 0, size, n, _large(size.many)))] if size.many else []),
    ]
    pairs = [("leads_per_second", _named(n), _named(size.stored[0])) for n in size.stored[1:]]
    if size.many:
        pairs.append(("cpu_us_a_lead", MANY, FEW))
    data = {"leads": size.leads, "stored_leads": list(size.stored), "how": EACH}
    try:
        return await compared(sides, size.rounds, pairs, seed=SEED, data=data, in_turn=False)
    finally:
        if size.many:
            await city.forget(stand)


def _named(count: int) -> str:
    return f"{count:,} stored leads"


def _filled(stand: Stand, count: int, size: Size) -> Measure:
    async def measure(n: int) -> Figures:
        return await _at(stand, count, size, n, ZHUCHENG)

    return measure


async def _at(stand: Stand, count: int, size: Size, n: int, plan: Plan) -> Figures:
    if plan is not ZHUCHENG and n == 0:
        await city.forget(stand)
    cells = await city.prepared(stand, plan)
    if await ground.counted(stand.settings, "leads", "lead") < TEMPLATES:
        await through(stand, EACH, cells, TEMPLATES, SEED)
    await stored.fill(stand, count)
    return await through(stand, EACH, cells, size.leads, SEED + n)


def _large(communities: int) -> Plan:
    """One smallest cell in each community, but as many communities as a province has."""
    counts = {"grid_l1": communities, "grid_l2": communities, "grid_l3": communities}
    levels = (
        one.model_copy(update={"count": counts.get(one.level, one.count), "digits": 4})
        if one.level == "grid_l1"
        else one.model_copy(update={"count": counts.get(one.level, one.count)})
        for one in ZHUCHENG.levels
    )
    return ZHUCHENG.model_copy(update={"levels": tuple(levels)})
