"""How every benchmark compares: sides in turn on the same servers, round after round."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, TypeAlias

from bench import machine
from cli.screen import progress

Sizing = Literal["smallest", "quick", "full"]
"""`smallest` is for tests: it shows that a benchmark runs, and measures nothing."""

Figures: TypeAlias = Mapping[str, float]
"""What one side did in one round, by name of figure; units stand in the name."""


Measure: TypeAlias = Callable[[int], Awaitable[Figures]]
"""It is told the number of the round, from 0."""


@dataclass(frozen=True)
class Side:
    name: str
    measure: Measure


@dataclass(frozen=True)
class Spread:
    """Over all rounds."""

    min: float
    median: float
    max: float


@dataclass(frozen=True)
class Ratio:
    """A figure of one side, divided by that of another in the same round."""

    figure: str
    of: str
    to: str
    spread: Spread


@dataclass(frozen=True)
class Compared:
    """`sides`: for each, its figures. `data`: how much of what was measured. `each`: the rounds,
    from which all of it can be computed again."""

    rounds: int
    seed: int
    data: Mapping[str, object]
    sides: Mapping[str, Mapping[str, Spread]]
    ratios: Sequence[Ratio]
    each: Sequence[Mapping[str, Figures]]


Pair = tuple[str, str, str]
"""(figure, side, the side that it is divided by)."""


async def compared(
    sides: Sequence[Side],
    rounds: int,
    pairs: Sequence[Pair],
    *,
    seed: int,
    data: Mapping[str, object],
    in_turn: bool = True,
) -> Compared:
    """Each round begins with another side, so that none has the quiet moments for itself; with
    `in_turn` False, all rounds of a side come before the next."""
    found: list[dict[str, Figures]] = [{} for _ in range(rounds)]
    with progress() as bar:
        task = bar.add_task("", total=rounds * len(sides))
        for n, side in _order(sides, rounds, in_turn):
            bar.update(task, description=side.name)
            before = machine.now()
            measured = await side.measure(n)
            found[n][side.name] = {**measured, **machine.now().shares_since(before)}
            bar.advance(task)
    spreads = {side.name: _spreads([figures[side.name] for figures in found]) for side in sides}
    ratios = [_ratio(found, *pair) for pair in pairs]
    return Compared(rounds, seed, data, spreads, ratios, found)


def _order(sides: Sequence[Side], rounds: int, in_turn: bool) -> Iterator[tuple[int, Side]]:
    if not in_turn:
        yield from ((n, side) for side in sides for n in range(rounds))
        return
    for n in range(rounds):
        first = n % len(sides)
        yield from ((n, side) for side in (*sides[first:], *sides[:first]))


def _spreads(figures: Sequence[Figures]) -> Mapping[str, Spread]:
    return {name: spread([one[name] for one in figures]) for name in figures[0]}


def _ratio(found: Sequence[Mapping[str, Figures]], figure: str, of: str, to: str) -> Ratio:
    values = [figures[of][figure] / figures[to][figure] for figures in found]
    return Ratio(figure, of, to, spread(values))


def spread(values: Sequence[float]) -> Spread:
    return Spread(min(values), median(values), max(values))
