"""Operations and faults that go on beside each other; none of their errors is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Together:
    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []

    def __len__(self) -> int:
        return len(self._tasks)

    def begin(self, operation: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(operation)
        self._tasks.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._errors.append(error)

    def check(self) -> None:
        """Raises the first error that any of them ended with."""
        if self._errors:
            raise self._errors[0]

    async def settled(self) -> None:
        """Return once all are done. Raises as `check` does."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        self.check()
