"""The reference city on the servers of a stand, and its services at work there."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import httpx

from bench import processes
from bench.machine import ROOT
from bench.processes import Service
from bench.stand import Stand
from cli import ground, setup
from cli.city import NAMES, SERVICES
from cli.passes import Pass
from cli.screen import tell
from libs.common import provisioning
from libs.common.database import session
from services.registry import reference

SEED = 1
ALL, EACH = "one process for all", "a process each"


@contextmanager
def at_work(stand: Stand, how: str) -> Iterator[Mapping[str, Service]]:
    """All services, ready, by name; under `ALL` every name has the same process."""
    if how == EACH:
        with processes.running(NAMES, stand.settings) as services:
            yield services
    else:
        with processes.service(["bench.city_process"], stand.settings) as one:
            one.await_ready()
            yield dict.fromkeys(NAMES, one)


async def prepared(stand: Stand) -> list[str]:
    """The city of this stand, if there is none yet; the codes of its smallest cells."""
    await setup.prepare(stand.settings, stand.admin_url, SERVICES, lambda _: None)
    if not await ground.counted(stand.settings, "registry", "city_appointment"):
        with at_work(stand, ALL) as services:
            await _load(stand, services["registry"].url)
            while not await ground.is_known(stand.settings, SERVICES):
                await asyncio.sleep(0.2)
    async with session(stand.settings.url("leads", "reader")) as connection:
        rows = await connection.fetch("SELECT code FROM city_area WHERE level = 'grid_l3'")
    return sorted(row["code"] for row in rows)


async def fresh(stand: Stand) -> list[str]:
    """As `prepared`, without the leads of earlier runs, whose timers would fire meanwhile."""
    await forget(stand)
    return await prepared(stand)


async def copied(stand: Stand, label: str) -> list[str]:
    """As `fresh`, of a copy that is kept under this label: a large city takes minutes to load."""
    await forget(stand)
    if not await stand.has_database(f"{label}_{NAMES[-1]}"):
        await prepared(stand)
        for name in NAMES:
            await stand.copy_database(name, f"{label}_{name}", name)
        await forget(stand)
    for name in NAMES:
        await stand.copy_database(f"{label}_{name}", name, name)
    return await prepared(stand)


async def forget_copy(stand: Stand, label: str) -> None:
    for name in NAMES:
        await stand.drop_database(f"{label}_{name}")


async def forget(stand: Stand) -> None:
    """Its databases and topics: the next one is made anew."""
    for name in NAMES:
        await stand.drop_database(name)
    await stand.forget_topics(*provisioning.topics_file(ROOT).topics)


def signed(stand: Stand) -> Pass:
    """By somebody of the command centre, who may do all that is done here."""
    assert stand.settings.tokens
    return Pass(stand.settings.tokens, reference.commander(stand.plan, SEED))


async def _load(stand: Stand, url: str) -> None:
    tell("the city")
    async with httpx.AsyncClient(timeout=60, auth=signed(stand)) as client:
        for route, bodies in reference.batches(stand.plan, SEED):
            answer = await client.post(url + route, json={"items": bodies})
            answer.raise_for_status()


@contextmanager
def held(pids: Sequence[int]) -> Iterator[None]:
    """These processes stand still, for less time than their sessions last; then all go at once."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
