"""What operators do in the middle of it: back up, restore, publish again what the broker lost, and
put up a city that was down for a month."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from tests.faults.campaign import dump
from tests.faults.campaign.backing import Backing
from tests.faults.campaign.children import Child, Children
from tests.faults.campaign.history import Journal
from tests.faults.campaign.load import Load
from tests.faults.campaign.nemesis import Nemesis
from tests.faults.campaign.plan import Plan
from tests.faults.campaign.poison import Poison
from tests.faults.campaign.rest import now, rested, unread
from tests.faults.checker import BEFORE_WIPE
from tests.support.command import command_json

RESTORED = ("leads", "alerts", "mediation", "scoring")
REST_WITHIN_SECONDS = 180.0
LEAP = timedelta(days=32)
"""Longer than any time limit of a city; shorter than messages are remembered for (row Q8)."""


class Restless(Exception):
    """The city did not come to rest, so an operation could not begin; the run ends here."""


class Healed(NamedTuple):
    """`at`: of the clock of this machine. `backlog`: what was not read or not published then."""

    at: float
    backlog: int


class Scene(NamedTuple):
    load: Load
    nemesis: Nemesis
    poison: Poison
    children: Children
    backing: Backing
    log: Journal


class Operator:
    """`folder`: of what is seen."""

    def __init__(self, plan: Plan, chance: random.Random, scene: Scene, folder: Path) -> None:
        self._plan, self._scene, self._folder = plan, scene, folder
        self._service = chance.choice(RESTORED)

    async def run(self) -> None:
        """Each at its share of the run; returns after the last."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        steps = {
            "leap": self._leap,
            "wipe": self._wipe,
            "back_up": self._back_up,
            "restore": self._restore,
        }
        planned = {name: getattr(self._plan, name) for name in steps}
        times = sorted((share, name) for name, share in planned.items() if share is not None)
        for share, name in times:
            await asyncio.sleep(max(0, begun + share * self._plan.seconds - loop.time()))
            await steps[name]()

    async def heal(self) -> Healed:
        """No fault any more, and no new operation. Processes that were put up need not be ready:
        that, and the operations that are not done, belong to its recovery."""
        self._scene.load.close()
        await self._scene.nemesis.heal()
        return Healed(time.monotonic(), await unread(self._scene.backing.direct))

    async def quiet(self) -> None:
        """No fault, no load, and nothing that was begun is still on its way to a server."""
        await self._scene.nemesis.calm()
        await self._scene.poison.pause()
        await self._scene.load.pause()

    async def hush(self) -> None:
        """Quiet, and everything that was asked has arrived everywhere."""
        await self.quiet()
        _, left = await rested(self._scene.backing.direct, REST_WITHIN_SECONDS)
        if left:
            raise Restless(str(left))

    def _go_on(self) -> None:
        self._scene.load.go_on()
        self._scene.poison.go_on()
        self._scene.nemesis.go_on()

    async def _leap(self) -> None:
        """All that was read before is read in time; then every time limit that runs is over, and
        who comes back goes on with what was left: too late."""
        await self.hush()
        async with self._down(self._scene.children.every):
            await self._scene.backing.leap(LEAP)
            self._scene.log.note("leap", seconds=LEAP.total_seconds())
        self._go_on()
        self._scene.load.catch_up()

    @asynccontextmanager
    async def _down(self, among: Sequence[Child]) -> AsyncIterator[None]:
        for child in among:
            await self._scene.children.stop(child)
        yield
        for child in among:
            self._scene.children.start(child)
        await self._scene.children.ready(among)

    async def _wipe(self) -> None:
        """While leads come in by HTTP; what an outside source sent must have been read before, as
        nobody here can publish it again."""
        await self.hush()
        async with self._down(self._scene.children.every):  # else they publish anchors meanwhile
            await self._look_around()
        self._scene.load.takes_intake = False
        self._scene.load.go_on()
        await asyncio.sleep(2)  # a part of the load, not a wait: these events are on their way
        self._scene.log.note("wipe")
        await self._scene.backing.wipe_broker()
        self._scene.load.takes_intake = True
        self._go_on()

    async def _look_around(self) -> None:
        """What is there while all is at rest: nothing that was lost until now may be mended unseen
        by what is published again."""
        there = self._folder / BEFORE_WIPE
        there.mkdir()
        for name in ("history", "faults", "poison"):
            shutil.copy(self._folder / f"{name}.jsonl", there)
        nothing: dict[str, Any] = {"busy": [], "standing": {}, "expected": [], "faults": {}}
        end = {**nothing, "least": 0, "rest_seconds": 0, "backlog": 0}
        end["now"] = (await now(self._scene.backing.direct)).isoformat()
        (there / "end.json").write_text(json.dumps(end))
        await dump.write_all(self._scene.backing.direct, there)

    async def _back_up(self) -> None:
        """Its processes are down meanwhile; all others go on."""
        await self._scene.nemesis.calm()
        async with self._down(self._scene.children.of(self._service)):
            await self._scene.backing.back_up(self._service)
            self._scene.log.note("back_up", whom=self._service)
        self._scene.nemesis.go_on()

    async def _restore(self) -> None:
        """What never left a database is lost with it: so all of it has left before."""
        await self.hush()
        children = self._scene.children.of(self._service)
        for child in children:
            self._scene.children.kill(child)
        await self._scene.backing.restore(self._service)
        direct = self._scene.backing.direct
        findings = await asyncio.to_thread(command_json, direct, "doctor", "--recover")
        unwell = [one["service"] for one in findings if not one["is_well"]]
        self._scene.log.note("restore", whom=self._service, unwell=unwell)
        for child in children:
            self._scene.children.start(child)
        await self._scene.children.ready(children)
        self._go_on()
