"""The reference city: its numbers, its borders, and that it is the same every time."""

from __future__ import annotations

from collections import Counter
from typing import Any

import shapely

from services.registry import reference

PLAN = reference.read_plan(reference.ZHUCHENG)
CITY = [entry for _, bodies in reference.batches(PLAN, 1) for entry in bodies]
AREAS = [body for body in CITY if "level" in body]


def shape(body: dict[str, Any]) -> Any:
    return shapely.geometry.shape(body["polygon"])


def test_its_numbers_are_those_of_the_programme() -> None:
    assert Counter(body["level"] for body in AREAS) == {
        "city": 1,
        "town": 16,
        "grid_l1": 235,
        "grid_l2": 1377,
        "grid_l3": 7236,
    }
    persons = {body["person_ref"] for body in CITY if "person_ref" in body}
    offices = Counter(body["kind"] for body in CITY if "kind" in body and "level" not in body)
    assert offices["police_room"] == offices["mediation_centre"] == 235
    front_line = 1377 + 7236 + 235 + 470
    assert len(persons) == front_line + 16 + 1 + 1 == 9318 + 18


def test_children_tile_their_parent() -> None:
    children: dict[str, list[Any]] = {}
    for body in AREAS:
        children.setdefault(str(body["parent"]), []).append(shape(body))
    for body in AREAS:
        below = children.get(body["code"])
        if below:
            whole = shape(body)
            assert shapely.union_all(below).symmetric_difference(whole).area < 1e-12
            assert abs(sum(one.area for one in below) - whole.area) < 1e-12


def test_parents_come_before_their_children_and_never_in_the_same_request() -> None:
    seen: set[str] = set()
    for route, bodies in reference.batches(PLAN, 1):
        assert len(bodies) <= 500
        if route == "/areas/batch":
            assert all(body["parent"] is None or body["parent"] in seen for body in bodies)
            seen |= {body["code"] for body in bodies}


def test_the_same_seed_makes_the_same_city_and_another_another() -> None:
    again = [entry for _, bodies in reference.batches(PLAN, 1) for entry in bodies]
    other = [entry for _, bodies in reference.batches(PLAN, 2) for entry in bodies]
    assert again == CITY
    assert other != CITY


def test_nobody_has_a_name() -> None:
    for body in CITY:
        if "person_ref" in body:
            assert body.keys() <= {"post", "person_ref", "valid_from", "id"}
