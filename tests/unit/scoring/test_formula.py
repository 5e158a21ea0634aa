"""Given counts, when they are evaluated, then points and score are those that anybody computes."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.messages import Refused
from services.scoring.domain.formula import Counts, evaluate, text
from services.scoring.schemes import SCHEMES

JINNIU = SCHEMES["jinniu_digital_city"]
CODES = [one.code for one in JINNIU.indicators]


def test_the_worked_case_of_jinniu() -> None:
    counts = [(90, 100), (80, 100), (5, 90), (4, 100), (6, 100)]
    result = evaluate(JINNIU, {code: Counts(*c) for code, c in zip(CODES, counts, strict=True)})
    points = [figure.points for figure in result.figures]
    assert points == ["27.0000", "16.0000", "18.8889", "19.2000", "9.4000"]
    assert result.score == "90.49"


@pytest.mark.parametrize(
    ("rates", "score"), [([1, 1, 0, 0, 0], "100.00"), ([0, 0, 1, 1, 1], "0.00")]
)
def test_the_best_and_the_worst(rates: list[int], score: str) -> None:
    counts = {code: Counts(rate, 1) for code, rate in zip(CODES, rates, strict=True)}
    assert evaluate(JINNIU, counts).score == score


def test_an_empty_denominator_is_not_available_and_its_weight_is_dropped() -> None:
    result = evaluate(JINNIU, {"handling_rate": Counts(1, 2)})
    assert result.score == "50.00"
    assert [figure.points for figure in result.figures][1:] == ["n/a"] * 4
    assert evaluate(JINNIU, {}).score == "n/a"


@pytest.mark.parametrize("counts", [Counts(3, 2), Counts(-1, 2), Counts(1, 0)])
def test_counts_that_cannot_be_are_refused_with_their_path(counts: Counts) -> None:
    with pytest.raises(Refused) as refused:
        evaluate(JINNIU, {"rework_rate": counts})
    assert (refused.value.status, refused.value.path) == (422, "/counts/rework_rate/numerator")


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6), st.integers(0, 4))
def test_text_is_within_half_a_unit_and_halves_go_away_from_zero(
    numerator: int, denominator: int, decimals: int
) -> None:
    value = Fraction(numerator, denominator)
    error = Fraction(text(value, decimals)) - value
    half = Fraction(1, 2 * 10**decimals)
    assert abs(error) <= half
    if abs(error) == half:
        assert (error > 0) == (value > 0)
