"""The small city as its plan has it: places around one cell, and who holds which post there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import cos, hypot, radians
from typing import Any
from uuid import UUID

from services.registry import reference
from tests.support.town import PLAN, SEED

_BODIES = [(route, body) for route, bodies in reference.batches(PLAN, SEED) for body in bodies]
PARENT: Mapping[str, Any] = {
    body["code"]: body["parent"] for route, body in _BODIES if route == "/areas/batch"
}
RINGS: Mapping[str, Any] = {
    body["code"]: body["polygon"]["coordinates"][0]
    for route, body in _BODIES
    if route == "/areas/batch"
}
"""Corners of areas, from the south-west around: all are rectangles."""
CITY = min(PARENT, key=len)
CELL = min(code for code in PARENT if len(code) == len(max(PARENT, key=len)))
AROUND = 8_000
"""Metres: from the middle of CELL two other communities are nearer than that, and one is not."""


def above(code: str | None) -> Iterator[str]:
    """The code itself, and what it is in."""
    while code:
        yield code
        code = PARENT[code]


_, GRID, COMMUNITY, TOWN, _ = above(CELL)


@dataclass(frozen=True)
class Person:
    id: UUID
    role: str
    area: str
    office: str | None

    def __str__(self) -> str:
        return f"{self.role} of {self.area}"


def persons_of_the_plan() -> Iterator[Person]:
    seats = {body["code"]: body for route, body in _BODIES if route == "/posts/batch"}
    for held in (body for route, body in _BODIES if route == "/appointments/batch"):
        seat = seats[held["post"]]
        yield Person(UUID(held["person_ref"]), seat["role"], seat["area"], seat["organisation"])


def beside(metres: float) -> frozenset[str]:
    """Communities that are not further away from the middle of CELL, but for its own: by the
    corners of the plan, on a sphere of 6,371 km."""
    lon, lat = middle(CELL)
    degree = 6_371_000 * radians(1)

    def distance(code: str) -> float:
        (west, south), _, (east, north), *_ = RINGS[code]
        return hypot(
            max(west - lon, 0, lon - east) * degree * cos(radians(lat)),
            max(south - lat, 0, lat - north) * degree,
        )

    others = (code for code in RINGS if len(code) == len(COMMUNITY) and code != COMMUNITY)
    return frozenset(code for code in others if distance(code) <= metres)


def middle(code: str) -> tuple[float, float]:
    (west, south), _, (east, north), *_ = RINGS[code]
    return (west + east) / 2, (south + north) / 2
