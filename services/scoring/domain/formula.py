"""From counts to points and a score: exact, rounded half up once, at the end (row S21)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from libs.common.messages import Refused
from services.scoring.domain.scheme import Indicator, Scheme

NOT_AVAILABLE = "n/a"


@dataclass(frozen=True, slots=True)
class Counts:
    numerator: int
    denominator: int

    @property
    def rate(self) -> Fraction | None:
        return Fraction(self.numerator, self.denominator) if self.denominator else None

    @property
    def percent(self) -> str:
        """The rate as decimal text; `n/a` where the denominator is empty."""
        return NOT_AVAILABLE if self.rate is None else text(self.rate * 100, 2)


@dataclass(frozen=True, slots=True)
class Figure:
    """`rate` in percent and `points`, as decimal text; `n/a` where the denominator is empty."""

    indicator: str
    numerator: int
    denominator: int
    rate: str
    points: str


@dataclass(frozen=True, slots=True)
class Result:
    score: str
    figures: tuple[Figure, ...]


NOTHING = Counts(0, 0)


def evaluate(scheme: Scheme, counts: Mapping[str, Counts]) -> Result:
    """What is missing in `counts` counts as nothing. Refused for counts that cannot be."""
    for code, count in counts.items():
        _check(scheme, code, count)
    reached, weights = Fraction(0), Fraction(0)
    figures = []
    for one in scheme.indicators:
        count = counts.get(one.code, NOTHING)
        points = _points(scheme, one, count)
        if points is not None:
            reached, weights = reached + points, weights + one.weight
        told = NOT_AVAILABLE if points is None else text(points, 4)
        counted = (count.numerator, count.denominator, count.percent)
        figures.append(Figure(one.code, *counted, told))
    score = text(reached * scheme.full_marks / weights, 2) if weights else NOT_AVAILABLE
    return Result(score, tuple(figures))


def _check(scheme: Scheme, code: str, count: Counts) -> None:
    if code not in {one.code for one in scheme.indicators}:
        raise Refused("unknown_indicator", status=422, path="/counts")
    if not 0 <= count.numerator <= count.denominator:
        raise Refused("impossible_counts", status=422, path=f"/counts/{code}/numerator")


def _points(scheme: Scheme, indicator: Indicator, count: Counts) -> Fraction | None:
    rate = count.rate
    if rate is None:
        return indicator.weight if scheme.when_empty == "full_marks" else None
    return indicator.weight * (rate if indicator.value == "rate" else 1 - rate)


def text(value: Fraction, decimals: int) -> str:
    """Exact decimal text, rounded half up: away from zero."""
    scaled = abs(value) * 10**decimals
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    digits = str(whole).rjust(decimals + 1, "0")
    sign = "-" if value < 0 and whole else ""
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else f"{sign}{digits}"
