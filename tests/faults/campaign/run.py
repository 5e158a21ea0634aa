"""One campaign, from an empty city to a verdict."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.city import NAMES
from libs.common.settings import Settings
from tests.faults import checker
from tests.faults.campaign import dump
from tests.faults.campaign.backing import Backing, backing
from tests.faults.campaign.children import Children, watched
from tests.faults.campaign.city import CELLS, Told, found_city, let_in
from tests.faults.campaign.client import Client
from tests.faults.campaign.history import History, Journal
from tests.faults.campaign.load import Load, Mix
from tests.faults.campaign.nemesis import Nemesis
from tests.faults.campaign.operator import Healed, Operator, Restless, Scene
from tests.faults.campaign.plan import Plan
from tests.faults.campaign.poison import Poison
from tests.faults.campaign.proxy import TROUBLES
from tests.faults.campaign.rest import now, rested
from tests.support.servers import ROOT

LATE = ("alerts", "mediation", "scoring")
LATE_SECONDS = 4.0
REST_WITHIN_SECONDS = 300.0
"""How long it is looked at; how soon it had to rest, the checker says."""


@dataclass(frozen=True)
class Report:
    """`faults`: how often each; `asked`: operations by kind and outcome."""

    seed: int
    acknowledged: int
    faults: Mapping[str, int]
    asked: Mapping[str, int]
    rest_seconds: float
    verdict: checker.Verdict


async def run(plan: Plan, seed: int, folder: Path, mix: Mix | None = None) -> Report:
    """`folder`: what was seen is written there, for the checker; it is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    chance = random.Random(seed)
    history, log = History(folder / "history.jsonl"), Journal(folder / "faults.jsonl")
    try:
        async with backing(ROOT / ".data" / "faults", chance, slow_commits=True) as there:
            load = await _run(plan, chance, there, folder, mix or Mix(), history, log)
            log.counts["slow commit"] = await there.slow_commits()
            end = json.loads((folder / "end.json").read_text())
            end["faults"] = dict(log.counts)
            (folder / "end.json").write_text(json.dumps(end))
            await dump.write_all(there.direct, folder)
    finally:
        history.close()
        log.close()
    verdict = await asyncio.to_thread(checker.check, folder)
    return Report(seed, load.acknowledged, log.counts, history.counts, end["rest_seconds"], verdict)


async def _run(
    plan: Plan,
    chance: random.Random,
    there: Backing,
    folder: Path,
    mix: Mix,
    history: History,
    log: Journal,
) -> Load:
    children = Children(NAMES, there.settings, folder, log)
    late = chance.choice(LATE)
    client = Client({name: children.urls(name) for name in NAMES}, history, chance)
    load = Load(client, there.bootstrap, CELLS, mix)
    poison = Poison(there.bootstrap, chance, folder / "poison.jsonl")
    nemesis = Nemesis(plan, chance, children, there, log)
    scene = Scene(load, nemesis, poison, children, there, log)
    operator = Operator(plan, chance, scene, folder)
    try:
        async with watched(children):
            await _open(children, there.direct, late, history.ask)
            healed = await _befall(plan, scene, operator, late)
            await _end(plan, scene, healed, folder)
    finally:
        children.end()
        await client.close()
    return load


async def _open(children: Children, settings: Settings, late: str, tell: Told) -> None:
    """All services but one, which comes when leads are there already."""
    there = [child for child in children.every if child.service != late]
    for child in there:
        children.start(child)
    await children.ready(there)
    known = [name for name in NAMES if name != late]
    await found_city(settings, children.urls("registry")[0], known, tell)
    await let_in({name: children.urls(name) for name in known}, tell)


async def _befall(plan: Plan, scene: Scene, operator: Operator, late: str) -> Healed:
    """Load and faults for as long as planned, and then quiet; whatever fails ends the run."""
    healed = Healed(time.monotonic(), 0)

    async def arrive() -> None:
        await asyncio.sleep(LATE_SECONDS)
        for child in scene.children.of(late):
            scene.children.start(child)
        scene.log.note("late start", whom=late)
        await scene.children.ready(scene.children.of(late))
        await scene.nemesis.run()

    operating = asyncio.create_task(operator.run())
    parts = (scene.load.run, scene.poison.run, arrive)
    tasks = [asyncio.create_task(part()) for part in parts]
    lasting = asyncio.create_task(_long_enough(plan, scene))
    try:
        async with asyncio.timeout(2 * plan.seconds + 300):
            await _first_error({*tasks, operating, lasting}, until=lasting)
            await operating
            healed = await operator.heal()
            await operator.quiet()
    except (Restless, TimeoutError) as restless:
        scene.log.note("restless", left=str(restless) or "not healed in time")
    finally:
        for task in (*tasks, operating, lasting):
            task.cancel()
        await asyncio.gather(*tasks, operating, lasting, return_exceptions=True)
    return healed


async def _first_error(tasks: set[asyncio.Task[None]], *, until: asyncio.Task[None]) -> None:
    """Raised as soon as there is one, until that task is over."""
    while not until.done():
        done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


async def _long_enough(plan: Plan, scene: Scene) -> None:
    """As long as planned; up to twice as long where too little came about, on a slow machine."""
    begun = time.monotonic()
    await asyncio.sleep(plan.seconds)
    while _is_lacking(plan, scene) and time.monotonic() < begun + 2 * plan.seconds:
        await asyncio.sleep(1)


def _is_lacking(plan: Plan, scene: Scene) -> bool:
    """As the checker will say (`enough.py`), which is not asked while it goes on."""
    troubles = {name.rpartition(" ")[2] for name in _met(scene.backing)}
    has_come = {name for name in scene.log.counts if name not in (*TROUBLES, "failpoint")}
    has_come |= troubles | {name.partition(" ")[0] for name in has_come if "failpoint " in name}
    return scene.load.acknowledged < plan.least or not has_come.issuperset(plan.first)


async def _end(plan: Plan, scene: Scene, healed: Healed, folder: Path) -> None:
    """It comes to rest; the clock runs since it was healed."""
    seconds, left = await rested(scene.backing.direct, REST_WITHIN_SECONDS, healed.at)
    end = {
        "rest_seconds": seconds,
        "now": (await now(scene.backing.direct)).isoformat(),
        "backlog": healed.backlog,
        "busy": [str(one) for one in left],
        "standing": await scene.children.faults(),
        "expected": plan.expected,
        "least": plan.least,
        "net": {
            "kafka": dict(scene.backing.kafka.met),
            "postgres": dict(scene.backing.postgres.met),
        },
        "poison": scene.poison.count,
    }
    (folder / "end.json").write_text(json.dumps(end))
    scene.log.counts.update(_met(scene.backing))


def _met(there: Backing) -> Counter[str]:
    """Connections that met each trouble of the network."""
    pairs = (("kafka", there.kafka), ("postgres", there.postgres))
    return Counter(
        {f"{name} {trouble}": n for name, proxy in pairs for trouble, n in proxy.met.items()}
    )
