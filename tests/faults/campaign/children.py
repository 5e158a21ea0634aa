"""The processes of the services, two of each, as children that are killed and put up again."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from libs.common.settings import Settings
from tests.faults.campaign.history import Journal
from tests.support.processes import ServiceProcess

STOPS_WITHIN_SECONDS = 30.0
"""Three times what row Q17 allows: these cores are shared with others."""


@dataclass
class Child:
    """`failpoint`: where it will kill itself. `expected`: it is not there, and that is meant."""

    service: str
    process: ServiceProcess
    failpoint: str | None = None
    expected: bool = True
    paused: bool = False

    @property
    def name(self) -> str:
        return f"{self.service}-{self.process.instance}"

    @property
    def code(self) -> int | None:
        """Of its end; None while it is there."""
        assert self.process.process
        return self.process.process.poll()

    @property
    def is_there(self) -> bool:
        return self.process.process is not None and self.code is None

    def signal(self, number: int) -> None:
        assert self.process.process
        self.process.process.send_signal(number)


class Children:
    """`watch` puts up again what ended; an end that nobody asked for is noted as a fault of the
    product, unless it is that of a failpoint."""

    def __init__(self, names: Sequence[str], settings: Settings, room: Path, log: Journal) -> None:
        self._log = log
        self.every = [
            Child(name, ServiceProcess([f"services.{name}"], settings, room / f"{name}-{n}.log", n))
            for name in names
            for n in ("0", "1")
        ]

    def of(self, service: str) -> list[Child]:
        return [child for child in self.every if child.service == service]

    def urls(self, service: str) -> list[str]:
        return [child.process.url for child in self.of(service)]

    def start(self, child: Child, failpoint: str | None = None) -> None:
        child.failpoint, child.expected, child.paused = failpoint, False, False
        child.process.extra = {"CIVICGRID_FAILPOINT": failpoint} if failpoint else {}
        child.process.start()

    def kill(self, child: Child) -> None:
        child.expected = True
        child.process.kill()

    async def stop(self, child: Child) -> None:
        """By SIGTERM; its end must be clean, and soon. One that had not begun yet just ends."""
        child.expected, begun = True, time.monotonic()
        child.signal(signal.SIGTERM)
        while child.code is None and time.monotonic() - begun < STOPS_WITHIN_SECONDS:
            await asyncio.sleep(0.05)
        seconds = round(time.monotonic() - begun, 1)
        died = child.failpoint is not None and child.code == -signal.SIGKILL
        if died:
            self._log.note(f"failpoint {child.failpoint}", whom=child.name)
        elif child.code not in (0, -signal.SIGTERM):
            self._log.note("unclean end", whom=child.name, code=child.code, seconds=seconds)
            child.process.kill()
        self._log.note("stopped", whom=child.name, seconds=seconds)

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            for child in self.every:
                if not child.expected and child.code is not None:
                    self._mourn(child)
                    self.start(child)
            await asyncio.sleep(0.1)

    def _mourn(self, child: Child) -> None:
        if child.failpoint and child.code == -signal.SIGKILL:
            self._log.note(f"failpoint {child.failpoint}", whom=child.name)
            return
        self._log.note("ended by itself", whom=child.name, code=child.code, said=self._last(child))

    def _last(self, child: Child) -> str:
        lines = child.process.log.read_text(errors="replace").splitlines()
        return lines[-1][-300:] if lines else ""

    async def ready(self, among: Sequence[Child]) -> None:
        """Return once they are, or have had a minute for it, and another if they were put up again
        meanwhile: who is not then is noted."""
        waits = (self._ready(child) for child in among)
        came = await asyncio.gather(*waits, return_exceptions=True)
        for child, late in zip(among, came, strict=True):
            if isinstance(late, AssertionError):
                self._log.note("not ready", whom=child.name, said=self._last(child))
            elif late:
                raise late

    async def is_up(self, child: Child) -> bool:
        """Whether it is ready within a minute, whatever befalls its servers meanwhile: nobody
        promises that."""
        with suppress(AssertionError):
            await child.process.ready()
            return True
        return False

    async def _ready(self, child: Child) -> None:
        begun = child.process.process
        try:
            await child.process.ready()
        except AssertionError:
            if child.process.process is begun:
                raise
            await child.process.ready()

    async def faults(self) -> dict[str, Any]:
        """What stands still, by child, as their own /ready tells."""
        found = {}
        async with httpx.AsyncClient(timeout=10) as client:
            for child in self.every:
                url = f"http://127.0.0.1:{child.process.admin_port}/ready"
                try:
                    answer = (await client.get(url)).json()
                except (httpx.HTTPError, ValueError):
                    answer = {"ready": False, "faults": "no answer"}
                if not answer["ready"]:
                    found[child.name] = answer["faults"]
        return found

    def heal(self) -> Iterator[Child]:
        """Those that were paused or down, at work again."""
        for child in self.every:
            if child.paused:
                child.signal(signal.SIGCONT)
                child.paused = False
            if not child.is_there:
                self.start(child)
                yield child

    def end(self) -> None:
        for child in self.every:
            child.expected = True
            if child.is_there:
                child.process.kill()


@asynccontextmanager
async def watched(children: Children) -> AsyncIterator[None]:
    task = asyncio.create_task(children.watch())
    try:
        yield
    finally:
        task.cancel()


def some(chance: random.Random, among: Sequence[Child]) -> Child | None:
    """One of those that are at work."""
    there = [one for one in among if one.is_there and not one.paused and not one.expected]
    return chance.choice(there) if there else None
