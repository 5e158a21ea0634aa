"""Brings the planned faults about, one after the other; some last while the next ones come."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from tests.faults.campaign.backing import Backing
from tests.faults.campaign.children import Child, Children, some
from tests.faults.campaign.history import Journal
from tests.faults.campaign.plan import POINTS, Fault, Plan, drawn
from tests.faults.campaign.proxy import TROUBLES, Trouble
from tests.faults.campaign.running import Together
from tests.support.awaiting import eventually

LONG_PAUSE_SECONDS = 14.0
"""Longer than a consumer's session: its partitions go to the other process."""
MET_WITHIN = 10
"""Seconds that a trouble of the network goes on until somebody met it."""
SURE = ("before_commit", "after_commit")
"""Points that leads come to at once: the first death is not left to chance."""
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGTERM, "pause": signal.SIGSTOP}


class Nemesis:
    def __init__(
        self, plan: Plan, chance: random.Random, children: Children, backing: Backing, log: Journal
    ) -> None:
        self._plan, self._chance, self._log = plan, chance, log
        self._children, self._backing = children, backing
        self._lasting = Together()
        self._servers = asyncio.Lock()
        self._open = asyncio.Event()
        self._open.set()

    async def run(self) -> None:
        """Until cancelled; `calm` then ends what still lasts."""
        for fault in drawn(self._plan, self._chance):
            await asyncio.sleep(fault.after)
            await self._open.wait()
            self._lasting.check()
            self._lasting.begin(self._act(fault))

    async def heal(self) -> list[Child]:
        """No new fault, and those that last are over; who was put up for it is not ready yet."""
        self._open.clear()
        await self._lasting.settled()
        self._backing.kafka.heal()
        self._backing.postgres.heal()
        return list(self._children.heal())

    async def calm(self) -> None:
        """Healed, and every process is ready."""
        put_up = await self.heal()
        await self._children.ready(put_up or self._children.every)
        await self._children.ready(self._children.every)

    def go_on(self) -> None:
        self._open.set()

    def _act(self, fault: Fault) -> Coroutine[Any, Any, None]:
        match fault.name:
            case "kill service" | "stop service" | "pause service" | "failpoint":
                return self._service(fault)
            case "end session":
                return self._session()
            case "kill database" | "stop database" | "pause database":
                return self._database(fault)
            case "kill broker" | "stop broker" | "pause broker":
                return self._broker(fault)
        return self._network(fault)

    async def _service(self, fault: Fault) -> None:
        is_sure = fault.name == "failpoint" and not self._has_died
        among = self._children.of("leads") if is_sure else self._children.every
        child = some(random.Random(fault.number), among)
        if child is None:
            return
        match fault.name:
            case "kill service":
                self._log.note(fault.name, whom=child.name)
                self._children.kill(child)
                await asyncio.sleep(fault.seconds / 2)
                self._children.start(child)
            case "stop service":
                await self._children.stop(child)
                self._log.note(fault.name, whom=child.name)
                self._children.start(child)
            case "pause service":
                await self._pause(child, fault)
            case _:
                await self._arm(child, fault)

    async def _pause(self, child: Child, fault: Fault) -> None:
        self._log.note(fault.name, whom=child.name)
        child.paused = True
        child.signal(signal.SIGSTOP)
        await asyncio.sleep(LONG_PAUSE_SECONDS if fault.number % 3 == 0 else fault.seconds)
        if child.is_there and child.paused:
            child.signal(signal.SIGCONT)
        child.paused = False

    async def _arm(self, child: Child, fault: Fault) -> None:
        """It is put up anew, to kill itself soon at a point that is drawn."""
        points = POINTS if self._has_died else SURE
        point = points[fault.number % len(points)]
        times = 1 + fault.number // 7 % (12 if self._has_died else 3)
        self._log.note(fault.name, whom=child.name, point=point, times=times)
        self._children.kill(child)
        once = point in ("stopping", "revoked")
        self._children.start(child, point if once else f"{point}:{times}")
        if point == "stopping":
            is_up = await self._children.is_up(child)
            if is_up and child.is_there and not child.expected:
                await self._children.stop(child)
                self._children.start(child)

    @property
    def _has_died(self) -> bool:
        """By its own hand, some process."""
        return any(name.startswith("failpoint ") for name in self._log.counts)

    async def _session(self) -> None:
        async with self._servers:
            if await self._backing.break_session():
                self._log.note("end session")

    async def _database(self, fault: Fault) -> None:
        async with self._servers:
            await self._backing.break_database(_how(fault), fault.seconds / 2)
            self._log.note(fault.name)

    async def _broker(self, fault: Fault) -> None:
        async with self._servers:
            await self._backing.break_broker(_how(fault), fault.seconds)
            self._log.note(fault.name, seconds=fault.seconds)

    async def _network(self, fault: Fault) -> None:
        trouble: Trouble = next(one for one in TROUBLES if one == fault.name)
        proxy = self._backing.kafka if fault.number % 3 == 0 else self._backing.postgres
        self._log.note(fault.name, of="kafka" if proxy is self._backing.kafka else "postgres")

        async def met() -> int:
            return proxy.met[trouble]

        before = await met()
        proxy.begin(trouble, share=self._chance.uniform(0.2, 1.0))
        await asyncio.sleep(fault.seconds)
        with suppress(AssertionError):  # a server that starts is asked for nothing yet
            await eventually(met, lambda count: count > before, within=MET_WITHIN)
        proxy.heal()


def _how(fault: Fault) -> signal.Signals:
    return SIGNALS[fault.name.partition(" ")[0]]
