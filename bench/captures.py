"""Durable captures a second through HTTP, in one process, by number of clients, and in batches."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench import city, clients, hop, processes
from bench.frame import Compared, Figures, Side, Sizing, compared
from bench.machine import ROOT
from bench.stand import Stand
from libs.common.database import session
from libs.common.ids import uuid7
from libs.embedded.process import free_port
from services.leads.rules import LEAD_TYPES

SEED = 4
OURS, PEER = "civicgrid", "FastAPI, one transaction a request"
UNGUARDED = "civicgrid, without rights and audit"
TABLES = ROOT / "bench" / "peers" / "captures.sql"
TARGET = "bench.captures"
BATCH, BATCH_CLIENTS = 100, 4


@dataclass(frozen=True)
class Size:
    """`seconds` at each number of clients."""

    rounds: int
    clients: Sequence[int]
    seconds: float


SIZES: Mapping[Sizing, Size] = {
    "smallest": Size(1, (2,), 0.5),
    "quick": Size(3, (1, 8, 64), 2),
    "full": Size(3, (1, 8, 64), 5),
}


async def run(stand: Stand, sizing: Sizing) -> Compared:
    size = SIZES[sizing]
    cells = await city.fresh(stand)
    sides = [
        Side(OURS, lambda n: ours(stand, "services.leads", cells, size, n)),
        Side(UNGUARDED, lambda n: ours(stand, "bench.unguarded", cells, size, n)),
        Side(PEER, lambda n: peer(stand, cells, size, n)),
    ]
    pairs = [
        (f"{figure}_at_{count}_clients", OURS, PEER)
        for count in size.clients
        for figure in ("captures_per_second", "p50_ms", "p99_ms")
    ]
    pairs += [
        (f"captures_per_second_at_{count}_clients", OURS, UNGUARDED) for count in size.clients
    ]
    pairs.append(("leads_per_second_in_batches", OURS, UNGUARDED))
    data = {"clients": list(size.clients), "seconds": size.seconds, "leads_of_a_batch": BATCH}
    return await compared(sides, size.rounds, pairs, seed=SEED, data=data)


async def ours(stand: Stand, module: str, cells: Sequence[str], size: Size, n: int) -> Figures:
    with processes.service([module], stand.settings) as service:
        service.await_ready()
        signed = {"Authorization": city.signed(stand).header}
        found = await _captures(stand, service.pid, service.url, signed, cells, size, n)
        made = _maker(cells, n)

        def batch() -> bytes:
            items = ",".join(made() for _ in range(BATCH))
            return clients.post(f"{service.url}/leads/batch", f'{{"items":[{items}]}}', signed)

        await clients.asked(service.url, 1, 0.2, batch)
        answers = await clients.asked(service.url, BATCH_CLIENTS, size.seconds, batch)
        _none_refused(answers)
    return {**found, "leads_per_second_in_batches": answers.per_second * BATCH}


async def peer(stand: Stand, cells: Sequence[str], size: Size, n: int) -> Figures:
    url = await stand.fresh_database("bench_captures")
    async with session(url) as connection:
        await connection.execute(hop.TABLES.read_text() + TABLES.read_text())
        units = [(cell, f"unit-{cell[:12]}") for cell in cells]
        await connection.copy_records_to_table("unit_of_cell", records=units)
    await stand.fresh_topics(TARGET)
    port = free_port(None)
    with processes.peer("fastapi_plain", stand, url, str(port), TARGET, "") as process:
        at = f"http://127.0.0.1:{port}"
        processes.answered(f"{at}/openapi.json").raise_for_status()
        found = await _captures(stand, process.pid, at, {}, cells, size, n)
    await stand.forget_topics(TARGET)
    await stand.drop_database("bench_captures")
    return found


async def _captures(
    stand: Stand,
    pid: int,
    url: str,
    headers: Mapping[str, str],
    cells: Sequence[str],
    size: Size,
    n: int,
) -> Figures:
    made, found = _maker(cells, n), dict[str, float]()

    def capture() -> bytes:
        return clients.post(f"{url}/leads", made(), headers)

    await clients.asked(url, 8, 0.5, capture)  # it has done it before
    for count in size.clients:
        before = stand.spent([pid])
        answers = await clients.asked(url, count, size.seconds, capture)
        used = stand.spent([pid]).since(before)
        _none_refused(answers)
        one = {
            "captures_per_second": answers.per_second,
            "p50_ms": answers.at(0.5),
            "p99_ms": answers.at(0.99),
            **used.each(len(answers.milliseconds), "a_capture"),
        }
        found |= {f"{name}_at_{count}_clients": value for name, value in one.items()}
    return found


def _maker(cells: Sequence[str], n: int) -> Callable[[], str]:
    """Bodies of requests, each of another lead."""
    chance, kinds = random.Random(SEED + n), sorted(LEAD_TYPES)

    def made() -> str:
        told = {"lead_type": chance.choice(kinds), "cell": chance.choice(cells)}
        return json.dumps({"id": str(uuid7()), **told})

    return made


def _none_refused(answers: clients.Answers) -> None:
    if answers.refused:
        raise SystemExit(f"refused, by status: {answers.refused}")
