"""The time of a service: given what the database says and how long ago, then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from libs.common.clock import LASTING, Clock

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)


class Steady:
    """A clock of the process that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def steady() -> Steady:
    return Steady()


@pytest.fixture
def clock(steady: Steady) -> Clock:
    clock = Clock(steady)
    clock.set(NOW)
    return clock


def test_it_moves_between_two_readings_and_never_back(clock: Clock, steady: Steady) -> None:
    steady.seconds += 5
    assert clock.now() == NOW + timedelta(seconds=5)
    clock.set(NOW)
    assert clock.now() == NOW + timedelta(seconds=5)


@pytest.mark.parametrize("leap", [timedelta(hours=2), timedelta(days=400)])
def test_a_leap_of_a_moment_is_not_believed(clock: Clock, steady: Steady, leap: timedelta) -> None:
    steady.seconds += 1
    clock.set(NOW + leap)
    assert clock.now() == NOW + timedelta(seconds=1)
    steady.seconds += 1
    clock.set(NOW + timedelta(seconds=2))
    assert clock.now() == NOW + timedelta(seconds=2)


def test_a_leap_that_lasts_is(clock: Clock, steady: Steady) -> None:
    """As when the machine slept, whose steady clock did not go on."""
    leap = timedelta(hours=2)
    for _ in range(int(LASTING) + 2):
        steady.seconds += 1
        clock.set(NOW + leap)
    assert clock.now() == NOW + leap


def test_a_second_of_lateness_is_no_leap(clock: Clock, steady: Steady) -> None:
    steady.seconds += 1
    clock.set(NOW + timedelta(seconds=3))
    assert clock.now() == NOW + timedelta(seconds=3)
