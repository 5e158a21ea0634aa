"""Somebody of each role of the small city, and those out of reach of each other."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from tests.e2e.small_city.plan import CELL, COMMUNITY, PARENT, TOWN, persons_of_the_plan


def _held() -> Mapping[tuple[str, str], UUID]:
    """By role and area, the first who holds such a post."""
    found: dict[tuple[str, str], UUID] = {}
    for one in persons_of_the_plan():
        found.setdefault((one.role, one.area), one.id)
    return found


HELD = _held()
OFFICER = HELD["community_officer", COMMUNITY]
STRANGER = next(
    person
    for (role, area), person in HELD.items()
    if role == "community_officer" and PARENT[area] != TOWN
)
"""Of the same role, in another town."""
INFORMANT = HELD["grid_informant", CELL]
