"""Whole leads and events a second, from the intake topic through all services, and their cost."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench import city, hop, leads, standing
from bench.city import ALL, EACH
from bench.frame import Compared, Figures, Pair, Side, Sizing, compared
from bench.processes import Service
from bench.stand import Stand

SEED = 2
HAND = f"{hop.HAND}, one hop"


@dataclass(frozen=True)
class Size:
    """`leads` a round through the whole flow; `events` through the one hop of the peer."""

    rounds: int
    leads: int
    events: int


SIZES: Mapping[Sizing, Size] = {
    "smallest": Size(1, 100, 500),
    "quick": Size(3, 1_500, 8_000),
    "full": Size(3, 12_000, 40_000),
}
PAIRS: tuple[Pair, ...] = (
    ("events_per_second", ALL, HAND),
    ("events_per_second", EACH, HAND),
    ("leads_per_second", EACH, ALL),
)


async def run(stand: Stand, sizing: Sizing) -> Compared:
    size = SIZES[sizing]
    cells = await city.fresh(stand)
    await hop.filled(stand, size.events)
    sides = [
        Side(ALL, lambda n: through(stand, ALL, cells, size.leads, SEED + n)),
        Side(EACH, lambda n: through(stand, EACH, cells, size.leads, SEED + n)),
        Side(HAND, lambda _: hop.peer(stand, "handwritten", size.events)),
    ]
    data = {"leads": size.leads, "events_of_the_hop": size.events, "cells": len(cells)}
    found = await compared(sides, size.rounds, PAIRS, seed=SEED, data=data)
    await stand.forget_topics(hop.SOURCE)
    return found


async def through(stand: Stand, how: str, cells: Sequence[str], count: int, seed: int) -> Figures:
    """Intake is filled while the services are held; measured until all of them are done."""
    with city.at_work(stand, how) as services:
        async with standing.watched(stand) as city_of:
            await city_of.until_done(time.monotonic())
            pids = sorted({one.pid for one in services.values()})
            with city.held(pids):
                await leads.put(stand.bootstrap, leads.INTAKE, leads.reported(count, cells, seed))
                events, answered = (
                    await city_of.published(),
                    await city_of.published(leads.RECEIPTS),
                )
                before, spent = _by_service(stand, services), stand.spent(pids)
                begun = time.monotonic()
            # cheap to ask while there is much to do: is all of intake answered?
            await hop.awaited(lambda: city_of.published(leads.RECEIPTS), answered + count)
            await city_of.until_done(begun)
            took, used = time.monotonic() - begun, stand.spent(pids).since(spent)
            after, events = _by_service(stand, services), await city_of.published() - events
    parts = {
        f"{name}_us_a_lead": (after[name] - before[name]) * 1e6 / count
        for name in after
        if how == EACH
    }
    return {
        "leads_per_second": count / took,
        "events_per_second": events / took,
        "events_a_lead": events / count,
        **used.each(count, "a_lead"),
        **parts,
    }


def _by_service(stand: Stand, services: Mapping[str, Service]) -> Mapping[str, float]:
    return {name: stand.spent([one.pid]).python for name, one in services.items()}
