"""A figure is published when it moved, and never falls (I10)."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.scoring.domain.score import Publish, Score, decide, evolve

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def publish(numerator: int, denominator: int) -> Publish:
    return Publish(NOW, "grid_areas", 1, "area", "c-1", "routed", numerator, denominator)


def published(*figures: tuple[int, int]) -> Score:
    score = Score(UUID(int=1))
    for counts in figures:
        for event in decide(score, publish(*counts)):
            score = evolve(score, event)
    return score


@pytest.mark.parametrize("counts", [(4, 10), (3, 9), (5, 9), (3, 11), (0, 0)])
def test_a_count_that_did_not_grow_is_not_published(counts: tuple[int, int]) -> None:
    """Seed 9401: after a restore, what was published is known again before all that it counts."""
    assert decide(published((4, 10)), publish(*counts)) == []


@pytest.mark.parametrize("counts", [(4, 11), (5, 10), (5, 11)])
def test_a_count_that_grew_is_published(counts: tuple[int, int]) -> None:
    [event] = decide(published((4, 10)), publish(*counts))
    assert (event.numerator, event.denominator) == counts
