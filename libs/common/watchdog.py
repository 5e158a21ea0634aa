"""A process that holds messages and gets nowhere ends itself: whoever put it up puts up another."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable
from typing import Protocol

PATIENCE = 30
"""Looks, a second apart, at a consumer that does nothing (row Q17). A failed attempt is progress:
a database that is away ends no process."""
STALLED = 70


class Watched(Protocol):
    @property
    def attempted(self) -> float: ...
    @property
    def in_hand(self) -> int: ...


class Watchdog:
    """A thread of its own, since what stands still may be the event loop. It counts its own looks,
    so that a process that was itself stopped for a while is not taken for one that hangs."""

    def __init__(self, watched: Iterable[Watched]) -> None:
        self._watched = list(watched)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        seen = [(one.attempted, 0) for one in self._watched]
        while not self._stopped.wait(1):
            seen = [_look(one, *before) for one, before in zip(self._watched, seen, strict=True)]
            if any(idle >= PATIENCE for _, idle in seen):
                print(f"no progress in {PATIENCE} s: this process ends itself", file=sys.stderr)
                sys.stderr.flush()
                os._exit(STALLED)


def _look(one: Watched, attempted: float, idle: int) -> tuple[float, int]:
    if one.attempted != attempted or not one.in_hand:
        return one.attempted, 0
    return attempted, idle + 1
