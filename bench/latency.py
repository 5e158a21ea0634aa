"""From the record on intake to the alert about it, published: two services, two commits."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import uuid4

from bench import city, hop, leads, paced, processes, standing
from bench.city import ALL, EACH
from bench.frame import Compared, Figures, Pair, Side, Sizing, compared
from bench.stand import Stand
from cli.board import percentile
from libs.common.database import session

SEED = 3
POLLED = "an outbox polled each second"
ALERTS = "civicgrid.alerts"
PEERS = ("bench.polled.intake", "bench.polled.leads", "bench.polled.alerts")


@dataclass(frozen=True)
class Size:
    """`rates`: leads a second, one after the other, for `seconds` each."""

    rounds: int
    rates: Sequence[int]
    seconds: float


SIZES: Mapping[Sizing, Size] = {
    "smallest": Size(1, (20,), 1),
    "quick": Size(3, (100,), 5),
    "full": Size(3, (10, 100, 500), 8),
}


async def run(stand: Stand, sizing: Sizing) -> Compared:
    size = SIZES[sizing]
    cells = await city.fresh(stand)
    sides = [
        Side(EACH, lambda n: ours(stand, EACH, cells, size, n)),
        Side(ALL, lambda n: ours(stand, ALL, cells, size, n)),
        Side(POLLED, lambda n: polled(stand, cells, size, n)),
    ]
    pairs: list[Pair] = [
        (f"p50_ms_at_{rate}_leads_per_second", POLLED, side)
        for rate in size.rates
        for side in (EACH, ALL)
    ]
    data = {"leads_per_second": list(size.rates), "seconds": size.seconds, "cells": len(cells)}
    return await compared(sides, size.rounds, pairs, seed=SEED, data=data)


async def ours(stand: Stand, how: str, cells: Sequence[str], size: Size, n: int) -> Figures:
    with city.at_work(stand, how):
        async with standing.watched(stand) as city_of:
            await city_of.until_done(time.monotonic())
        return await _times(stand, leads.INTAKE, ALERTS, cells, size, n)


async def polled(stand: Stand, cells: Sequence[str], size: Size, n: int) -> Figures:
    """The two polls are as far apart as it happens: what a lead waits depends on that, so each
    round draws it from another third of a second."""
    apart = (n % 3 + random.Random(SEED + n).uniform(0, 1)) / 3
    await stand.fresh_topics(*PEERS)
    with ExitStack() as open:
        for role, source, target in zip(("leads", "alerts"), PEERS, PEERS[1:], strict=False):
            url = await stand.fresh_database(f"bench_polled_{role}")
            async with session(url) as connection:
                await connection.execute(hop.TABLES.read_text())
            told = (url, source, target, f"{role}-{uuid4()}", role)
            open.enter_context(processes.peer("polled_outbox", stand, *told))
            await asyncio.sleep(apart)
        found = await _times(stand, PEERS[0], PEERS[-1], cells, size, n)
    await stand.forget_topics(*PEERS)
    for role in ("leads", "alerts"):
        await stand.drop_database(f"bench_polled_{role}")
    return found


async def _times(
    stand: Stand, intake: str, alerts: str, cells: Sequence[str], size: Size, n: int
) -> Figures:
    chance, found = random.Random(SEED + n), dict[str, float]()
    async with paced.watched(stand, intake, alerts) as watched:
        await paced.at(20, 1, watched, cells, chance)  # they are up, and have done it before
        for rate in size.rates:
            times = await paced.at(rate, size.seconds, watched, cells, chance)
            for name, share in (("p50", 0.5), ("p99", 0.99)):
                found[f"{name}_ms_at_{rate}_leads_per_second"] = percentile(times, share) or 0
    return found
