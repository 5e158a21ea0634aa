"""Somebody of each role of the small city, and the cells in and out of their reach."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from services.registry import reference
from tests.support.town import PLAN, SEED

_BODIES = [(route, body) for route, bodies in reference.batches(PLAN, SEED) for body in bodies]
_SEATS = {body["code"]: body for route, body in _BODIES if route == "/posts/batch"}
AREAS = {body["code"]: body for route, body in _BODIES if route == "/areas/batch"}
CELL = min(code for code, body in AREAS.items() if body["level"] == "grid_l3")


def _community(code: str) -> str:
    while AREAS[code]["level"] != "grid_l1":
        code = AREAS[code]["parent"]
    return code


COMMUNITY = _community(CELL)
TOWN = AREAS[COMMUNITY]["parent"]


def _held() -> Mapping[tuple[str, str], UUID]:
    """By role and area, the first who holds such a post."""
    found: dict[tuple[str, str], UUID] = {}
    for route, body in _BODIES:
        if route == "/appointments/batch":
            seat = _SEATS[body["post"]]
            found.setdefault((seat["role"], seat["area"]), UUID(body["person_ref"]))
    return found


HELD = _held()
OFFICER = HELD["community_officer", COMMUNITY]
STRANGER = next(
    person
    for (role, area), person in HELD.items()
    if role == "community_officer" and AREAS[area]["parent"] != TOWN
)
"""Of the same role, in another town."""
INFORMANT = HELD["grid_informant", CELL]
