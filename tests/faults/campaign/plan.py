"""What befalls the city, and when: drawn from a seed, so that a run can be had again."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from libs.common import failpoints

FAULTS: Mapping[str, float] = {
    "kill service": 10,
    "stop service": 2,
    "pause service": 2,
    "failpoint": 6,
    "kill broker": 2,
    "stop broker": 0.3,
    "pause broker": 0.3,
    "kill database": 1.5,
    "stop database": 0.3,
    "pause database": 0.5,
    "end session": 2,
    "latency": 0.8,
    "reset": 1,
    "half_open": 0.6,
    "slices": 0.6,
    "swallow": 1.5,
}
"""How often each is drawn, against the others."""
POINTS = tuple(name for name in failpoints.NAMES if name != "migrating")


@dataclass(frozen=True)
class Fault:
    """`after`: seconds since the one before it. `seconds`: how long it lasts. `number`: whom it
    takes, of those it could."""

    name: str
    after: float
    seconds: float
    number: int


@dataclass(frozen=True)
class Plan:
    """`first`: faults that must come, in this order, before others are drawn. `pace`: seconds
    between faults, at the mean. `leap`, `wipe`, `back_up`, `restore`: when, as shares of the run;
    at the leap the city stands still for a month, and all that it set itself falls due."""

    seconds: float
    pace: float = 2.2
    first: tuple[str, ...] = ()
    leap: float | None = None
    wipe: float | None = None
    back_up: float | None = None
    restore: float | None = None
    least: int = 1000
    """Acknowledged leads below which nothing is proved; the least of all else follows from it."""

    @property
    def expected(self) -> list[str]:
        """Faults without which the verdict is `unknown`."""
        named = ("leap", "wipe", "back_up", "restore")
        return [*self.first, *(name for name in named if getattr(self, name) is not None)]


BRIEF = Plan(  # `least` is below what proves anything by rule, only because a minute is short
    seconds=60,
    pace=1.8,
    first=("kill service", "failpoint", "kill database", "swallow", "kill broker", "pause service"),
    least=500,
)
SEARCH = Plan(
    seconds=120,
    pace=1.8,
    first=("kill service", "kill broker", "swallow", "kill database", "failpoint", "kill service"),
    wipe=0.7,
)
LONG = Plan(
    seconds=600,
    first=tuple(FAULTS),
    leap=0.25,
    wipe=0.4,
    back_up=0.55,
    restore=0.75,
    least=5000,
)


def drawn(plan: Plan, chance: random.Random) -> Iterator[Fault]:
    """Without end."""
    first = list(plan.first)
    names, weights = list(FAULTS), list(FAULTS.values())
    while True:
        name = first.pop(0) if first else chance.choices(names, weights)[0]
        yield Fault(
            name,
            after=chance.uniform(0.3, 1.7) * plan.pace,
            seconds=chance.uniform(0.2, 5.0),
            number=chance.randrange(1 << 30),
        )
