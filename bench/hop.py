"""Events through one service: consume, decide, store in one transaction, publish."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench import leads, processes, spans
from bench.frame import Compared, Figures, Pair, Side, Sizing, compared
from bench.stand import Stand
from bench.station.main import station
from libs.common.database import session

SEED = 1
SOURCE = "civicgrid.bench.leads"
TABLES = Path(__file__).parent / "peers" / "tables.sql"
PATIENCE_SECONDS = 300
OURS, HAND = "civicgrid", "hand-written loop"
BATCH, SINGLE = "FastStream, batches", "FastStream, one message at a time"


@dataclass(frozen=True)
class Size:
    """`events` on the topic; the slow side is measured over its first `few`."""

    rounds: int
    events: int
    few: int


SIZES: Mapping[Sizing, Size] = {
    "smallest": Size(1, 500, 50),
    "quick": Size(3, 15_000, 500),
    "full": Size(3, 40_000, 2_000),
}
PAIRS: tuple[Pair, ...] = tuple(("events_per_second", OURS, peer) for peer in (HAND, BATCH, SINGLE))


async def run(stand: Stand, sizing: Sizing) -> Compared:
    size = SIZES[sizing]
    await filled(stand, size.events)
    sides = [
        Side(OURS, lambda n: ours(stand, n, size.events)),
        Side(HAND, lambda _: peer(stand, "handwritten", size.events)),
        Side(BATCH, lambda _: peer(stand, "faststream_batch", size.events)),
        Side(SINGLE, lambda _: peer(stand, "faststream_single", size.few)),
    ]
    data = {"events": size.events, "events_of_the_slow_side": size.few, "communities": 235}
    found = await compared(sides, size.rounds, PAIRS, seed=SEED, data=data)
    await stand.forget_topics(SOURCE)
    return found


async def filled(stand: Stand, events: int) -> None:
    """The topic that all sides read, each from its beginning."""
    await stand.fresh_topics(SOURCE)
    await leads.put(stand.bootstrap, SOURCE, leads.captured(events, SOURCE, SEED))


async def ours(stand: Stand, n: int, events: int) -> Figures:
    service = station(f"station_{n}", SOURCE)
    await stand.fresh_service(service)
    with spans.taken() as traced:
        process = processes.service(["bench.station", service.name, SOURCE], stand.settings, traced)
        found = await _published(stand, process, service.topic, events)
    url = stand.superuser_url(service.name)
    await _check(stand, url, "taken_lead", service.topic, events)
    await stand.drop_database(service.name)
    await stand.forget_topics(service.topic)
    return found


async def peer(stand: Stand, name: str, events: int) -> Figures:
    target = f"bench.{name}"
    url = await stand.fresh_database("bench_peer")
    async with session(url) as connection:
        await connection.execute(TABLES.read_text())
    await stand.fresh_topics(target)
    process = processes.peer(name, stand, url, SOURCE, target, f"{name}-{uuid4()}")
    found = await _published(stand, process, target, events)
    await _check(stand, url, "lead", target, events)
    await stand.drop_database("bench_peer")
    await stand.forget_topics(target)
    return found


async def _published(
    stand: Stand, process: AbstractContextManager[Any], topic: str, events: int
) -> Figures:
    """From the first event that was published until the last."""
    async with stand.ends(topic) as ends:
        with process as at_work:
            before = await awaited(ends.count, 1)
            begun, spent = time.monotonic(), stand.spent([at_work.pid])
            after = await awaited(ends.count, events)
            took = time.monotonic() - begun
            used = stand.spent([at_work.pid]).since(spent)
    count = max(1, after - before)
    return {"events_per_second": count / took, **used.each(count, "an_event")}


async def awaited(ask: Callable[[], Awaitable[int]], wanted: int) -> int:
    """The first count that is enough; SystemExit where none comes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (count := await ask()) < wanted:
        if time.monotonic() > deadline:
            raise SystemExit(f"{count} of {wanted} after {PATIENCE_SECONDS} s: {processes.LOG}")
        await asyncio.sleep(0.01)
    return count


async def _check(stand: Stand, url: str, table: str, topic: str, events: int) -> None:
    """A side that lost or doubled something is not compared: each lead is a row of the table, of
    which one event is published."""
    async with session(url) as connection:
        stored = await connection.fetchval(f"SELECT count(*) FROM {table}")
    async with stand.ends(topic) as ends:
        published = await ends.count()
    if not events <= published <= stored:
        raise SystemExit(f"{stored} leads are in {table}, {published} on {topic}, of {events}")
