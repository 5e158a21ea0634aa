"""A service killed under load: how soon it has an effect again. And what a start costs."""

from __future__ import annotations

import asyncio
import json
import random
import re
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench import city, hop, leads, machine, processes, standing
from bench.city import ALL, EACH
from bench.frame import Compared, Figures, Measure, Side, Sizing, compared
from bench.leads import Record
from bench.stand import PARTITIONS, Stand
from libs.common.database import session
from services.leads.policies import lead_id
from services.leads.rules import LEAD_TYPES

SEED = 5
RATE = 50
WARM_SECONDS = 1.5
HAND = "hand-written loop, killed"
SOURCE, TARGET = "bench.restart.leads", "bench.restart.taken"

ID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Restart = Callable[[], subprocess.Popen[bytes]]
Asked = tuple[bytes, Record]
"""A record, and the id of its lead as what follows from it names it."""


@dataclass(frozen=True)
class Size:
    """`killed`: services, each by itself."""

    rounds: int
    killed: Sequence[str]
    with_peer: bool


SIZES: Mapping[Sizing, Size] = {
    "smallest": Size(1, ("alerts",), False),
    "quick": Size(3, ("alerts",), True),
    "full": Size(3, ("leads", "alerts", "mediation"), True),
}


async def run(stand: Stand, sizing: Sizing) -> Compared:
    size = SIZES[sizing]
    cells = await city.fresh(stand)
    sides = [
        *(Side(f"{name}, killed", _killing(stand, name, cells)) for name in size.killed),
        *([Side(HAND, lambda n: peer(stand, n))] if size.with_peer else []),
        Side(f"start of {EACH}", lambda _: start(stand, EACH)),
        Side(f"start of {ALL}", lambda _: start(stand, ALL)),
    ]
    data = {"leads_per_second": RATE, "killed": list(size.killed)}
    return await compared(sides, size.rounds, (), seed=SEED, data=data)


def _killing(stand: Stand, name: str, cells: Sequence[str]) -> Measure:
    async def measure(n: int) -> Figures:
        return await ours(stand, name, cells, n)

    return measure


async def ours(stand: Stand, name: str, cells: Sequence[str], n: int) -> Figures:
    """One of the services of a city at work."""
    with city.at_work(stand, EACH) as services:
        async with standing.watched(stand) as city_of:
            await city_of.until_done(time.monotonic())

        def again() -> subprocess.Popen[bytes]:
            return processes.begun([f"services.{name}"], stand.settings).process

        process = services[name].process
        async with _load(stand, leads.INTAKE, _reports(cells, n)) as sent:
            return await _killed(stand, process, f"civicgrid.{name}", again, sent)


async def peer(stand: Stand, n: int) -> Figures:
    url = await stand.fresh_database("bench_peer")
    async with session(url) as connection:
        await connection.execute(hop.TABLES.read_text())
    await stand.fresh_topics(SOURCE, TARGET)
    told = (url, SOURCE, TARGET, f"restart-{uuid4()}")

    def again() -> subprocess.Popen[bytes]:
        return processes.begun_peer("handwritten", stand, *told)

    process = again()
    try:
        async with _load(stand, SOURCE, _captured(n)) as sent:
            async with stand.ends(TARGET) as ends:
                await hop.awaited(ends.count, 1)
            return await _killed(stand, process, TARGET, again, sent)
    finally:
        processes.end([process])
        await stand.forget_topics(SOURCE, TARGET)
        await stand.drop_database("bench_peer")


async def _killed(
    stand: Stand,
    process: subprocess.Popen[bytes],
    topic: str,
    again: Restart,
    sent: Mapping[bytes, float],
) -> Figures:
    """Started again at once, as a supervisor does. An effect is a record about a lead that was
    asked for after the kill: what is published of older ones may have been stored before it."""
    await asyncio.sleep(WARM_SECONDS)
    async with _read(stand, topic) as values:
        process.kill()
        process.wait()
        begun, restarted = time.monotonic(), again()
        try:
            async with asyncio.timeout(hop.PATIENCE_SECONDS):
                async for value in values:
                    if any(sent.get(id, 0) > begun for id in ID.findall(value)):
                        break
            return {"seconds_to_first_effect": time.monotonic() - begun}
        finally:
            processes.end([restarted])


@asynccontextmanager
async def _read(stand: Stand, topic: str) -> AsyncIterator[AsyncIterator[bytes]]:
    """The values of what is published from now on."""
    consumer = AIOKafkaConsumer(bootstrap_servers=stand.bootstrap)
    await consumer.start()
    consumer.assign([TopicPartition(topic, n) for n in range(PARTITIONS)])
    await consumer.seek_to_end()
    try:
        yield (record.value async for record in consumer)
    finally:
        await consumer.stop()


async def start(stand: Stand, how: str) -> Figures:
    begun = time.monotonic()
    with city.at_work(stand, how) as services:
        took = time.monotonic() - begun
        pids = {one.pid for one in services.values()}
        return {
            "seconds_until_ready": took,
            "rss_mib": sum(machine.resident_mib(pid) for pid in pids),
        }


def _reports(cells: Sequence[str], n: int) -> Iterator[Asked]:
    chance, run, kinds = random.Random(SEED + n), time.time_ns(), sorted(LEAD_TYPES)
    for one in count():
        number, now = f"{run}-{one}", datetime.now(UTC).isoformat()
        record = leads.report(number, chance.choice(kinds), chance.choice(cells), now)
        yield str(lead_id("sandbox", number)).encode(), record


def _captured(n: int) -> Iterator[Asked]:
    for record in leads.captured(100_000, SOURCE, SEED + n):
        yield json.loads(record.value)["lead_id"].encode(), record


@asynccontextmanager
async def _load(
    stand: Stand, topic: str, records: Iterator[Asked]
) -> AsyncIterator[Mapping[bytes, float]]:
    """`RATE` a second, for as long as the block lasts; when each was sent, by its id."""
    sent: dict[bytes, float] = {}
    producer = AIOKafkaProducer(bootstrap_servers=stand.bootstrap)
    await producer.start()

    async def send() -> None:
        for id, one in records:
            sent[id] = time.monotonic()
            await producer.send(
                topic, one.value, key=one.key, headers=one.headers,
                partition=leads.partition(one.key),
            )  # fmt: skip
            await asyncio.sleep(1 / RATE)

    sending = asyncio.create_task(send())
    try:
        yield sent
    finally:
        sending.cancel()
        await producer.stop()
