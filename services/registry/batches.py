"""A city as the bodies of HTTP requests, in an order in which nothing comes before its parent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

Body = dict[str, Any]

BYTES = 700_000
"""A request body may have 1 MiB; this leaves room for white space and escapes."""


class Entry(NamedTuple):
    """One body and where it is posted. Entries that differ in `step` are never in one request."""

    route: str
    step: str
    body: Body


Batch = tuple[str, list[Body]]
"""(route, bodies): posted to that route as {"items": bodies}."""


def batches(entries: Iterable[Entry], size: int = 500) -> Iterator[Batch]:
    """Neighbours of one step together, at most `size` and about `BYTES` bytes of them."""
    waiting: list[Entry] = []
    length = 0
    for entry in entries:
        more = len(json.dumps(entry.body, ensure_ascii=False, separators=(",", ":")).encode())
        full = len(waiting) == size or length + more > BYTES
        if waiting and (full or waiting[0][:2] != entry[:2]):
            yield _batch(waiting)
            waiting, length = [], 0
        waiting.append(entry)
        length += more
    if waiting:
        yield _batch(waiting)


def _batch(entries: list[Entry]) -> Batch:
    return entries[0].route, [entry.body for entry in entries]
