"""When dead letters come too thick, a topic is no longer read: somebody must look first. The others
are: an outside source that sends nonsense stops itself alone (row X7)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from libs.common.work import Dead, Work

IN_A_ROW, SHARE, RECENT = 50, 0.05, 1000
"""Dead letters of a topic at which consumption stops: row Q6 of the requirements."""


class Quarantine:
    def __init__(self) -> None:
        self._recent: dict[str, deque[bool]] = {}

    def watch(self, works: Sequence[Work]) -> Iterator[tuple[str, str]]:
        """Topics that are over the limit, and what to do. Records that are not for this service are
        good ones too."""
        for work in works:
            if work.place:
                recent = self._recent.setdefault(work.place.topic, deque(maxlen=RECENT))
                recent.append(isinstance(work.result, Dead))
                if skipped := work.place.end - work.place.offset - 1:
                    recent.extend([False] * min(skipped, RECENT))
        for topic, recent in self._recent.items():
            if _too_many(recent):
                yield topic, f"too many dead letters from {topic}: see `civicgrid dead-letters`"


def _too_many(recent: deque[bool]) -> bool:
    in_a_row = len(recent) >= IN_A_ROW and all(list(recent)[-IN_A_ROW:])
    return in_a_row or (len(recent) == RECENT and sum(recent) > SHARE * RECENT)
