"""What this process has just stored and its relay is about to publish: it need not be read again.

A memory and no more: the relay learns from the database which transactions are next, and reads
there what is not found here.
"""

from __future__ import annotations

from collections.abc import Sequence

from libs.common.journal import EventRow

MOST = 10_000
"""Events that are kept; the oldest are let go first."""


class Outgoing:
    """Rows of `event` by transaction. Nothing is kept while no relay of this process publishes."""

    def __init__(self) -> None:
        self._rows: dict[str, Sequence[EventRow]] = {}
        self._count = 0
        self._is_open = False

    def open(self) -> None:
        """The relay of this process publishes from now on."""
        self.close()
        self._is_open = True

    def close(self) -> None:
        self._is_open = False
        self._rows.clear()
        self._count = 0

    def keep(self, transaction_id: str, rows: Sequence[EventRow]) -> None:
        if not self._is_open or not rows:
            return
        self._rows[transaction_id] = rows
        self._count += len(rows)
        while self._count > MOST:
            self.take(next(iter(self._rows)))

    def take(self, transaction_id: str) -> Sequence[EventRow]:
        """In the order of their positions; empty where they are not kept."""
        rows = self._rows.pop(transaction_id, ())
        self._count -= len(rows)
        return rows
