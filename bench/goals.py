"""What is claimed, held against what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pydantic import BaseModel, ConfigDict, TypeAdapter

from bench.results import Result
from libs.common.files import read_yaml

FILE = Path(__file__).with_name("goals.yaml")


class Goal(BaseModel):
    """One of `ratio` (figure, side, the side that it is divided by) and `figure` (figure, side);
    one of `at_least` and `at_most`. `in_every_round`: the worst must hold, else the median."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    goal: str
    ratio: tuple[str, str, str] | None = None
    figure: tuple[str, str] | None = None
    at_least: float | None = None
    at_most: float | None = None
    in_every_round: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class Verdict:
    """`value`: None where it was not measured. `others`: what processes that have nothing to do
    with it took of the machine meanwhile, in percent, by the side where that was most."""

    goal: Goal
    value: float | None
    others: float = 0

    @property
    def is_met(self) -> bool:
        value, goal = self.value, self.goal
        if value is None:
            return False
        low = goal.at_least is None or value >= goal.at_least
        return low and (goal.at_most is None or value <= goal.at_most)


def read() -> Mapping[str, tuple[Goal, ...]]:
    text = read_yaml(FILE)
    return TypeAdapter(Mapping[str, tuple[Goal, ...]]).validate_python(text)


def verdicts(result: Result) -> list[Verdict]:
    return [
        Verdict(goal, _value(goal, result), _others(goal, result))
        for goal in read().get(result["benchmark"], ())
    ]


def _others(goal: Goal, result: Result) -> float:
    names = (goal.ratio or goal.figure or ())[1:]
    measured = [result["sides"].get(name, {}).get("percent_of_others") for name in names]
    return max((float(one["median"]) for one in measured if one), default=0)


def _value(goal: Goal, result: Result) -> float | None:
    spread = _spread(goal, result)
    if not spread:
        return None
    if goal.in_every_round:
        return float(spread["max" if goal.at_least is None else "min"])
    return float(spread["median"])


def _spread(goal: Goal, result: Result) -> Mapping[str, float] | None:
    if goal.ratio:
        for one in result["ratios"]:
            if (one["figure"], one["of"], one["to"]) == goal.ratio:
                return cast(Mapping[str, float], one["spread"])
    if goal.figure:
        figure, side = goal.figure
        return cast("Mapping[str, float] | None", result["sides"].get(side, {}).get(figure))
    return None
