"""The flow in a city of 235 communities, and in one of a hundred times as many, as a province has.
Each community has one smallest cell, so that nothing else grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bench import city
from bench.city import ALL, EACH
from bench.flow import through
from bench.frame import Compared, Figures, Measure, Side, Sizing, compared
from bench.stand import ZHUCHENG, Stand
from services.registry.reference.plan import Plan

SEED = 10


@dataclass(frozen=True)
class Size:
    """`few`, `many`: communities of the two cities."""

    rounds: int
    leads: int
    few: int
    many: int
    how: str = EACH


SIZES: Mapping[Sizing, Size] = {
    "smallest": Size(1, 100, 16, 32, ALL),
    "quick": Size(3, 1_500, 235, 2_350),
    "full": Size(3, 12_000, 235, 23_500),
}


async def run(stand: Stand, sizing: Sizing) -> Compared:
    """Each side begins with its city anew, of which nobody has heard on any topic."""
    size = SIZES[sizing]
    sides = [
        Side(_named(count), _in_city(replace(stand, plan=_plan(count)), _label(count), size))
        for count in (size.few, size.many)
    ]
    pairs = [("cpu_us_a_lead", _named(size.many), _named(size.few))]
    data = {"leads": size.leads, "how": size.how}
    try:
        return await compared(sides, size.rounds, pairs, seed=SEED, data=data)
    finally:
        await city.forget(stand)
        for count in (size.few, size.many):
            await city.forget_copy(stand, _label(count))


def _named(communities: int) -> str:
    return f"{communities:,} communities"


def _label(communities: int) -> str:
    return f"city_{communities}"


def _in_city(stand: Stand, label: str, size: Size) -> Measure:
    async def measure(n: int) -> Figures:
        cells = await city.copied(stand, label)
        return await through(stand, size.how, cells, size.leads, SEED + n)

    return measure


def _plan(communities: int) -> Plan:
    counts = {"grid_l1": communities, "grid_l2": communities, "grid_l3": communities}
    levels = (
        one.model_copy(update={"count": counts.get(one.level, one.count), "digits": 4})
        if one.level == "grid_l1"
        else one.model_copy(update={"count": counts.get(one.level, one.count)})
        for one in ZHUCHENG.levels
    )
    return ZHUCHENG.model_copy(update={"levels": tuple(levels)})
