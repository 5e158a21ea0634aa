"""What a person may touch: their posts, and what things are to these."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from uuid import UUID

from libs.city import City
from libs.city.tree import Grant, Holder
from libs.common.callers import EVERYTHING, Scope
from libs.rights.policy import Relation, Rights

Belonging = tuple[str, str]
"""A kind, such as `cell`, and a code or id."""


def scope_of(
    rights: Rights,
    person: UUID,
    seats: Sequence[Holder],
    city: City,
    grant: Grant | None = None,
) -> Scope:
    """Of all that they may do by one post or another; `seats`: the posts they hold now; `grant`: of
    theirs, in force."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for seat in seats:
        for relation in rights.get(seat.role, ()):
            if relation == "anywhere" or (relation == "within" and _is_city(city, seat.area)):
                return EVERYTHING
            for kind, known in _belongings(relation, person, seat, city, grant):
                found[kind].add(known)
    return Scope(belongings={kind: frozenset(known) for kind, known in found.items()})


def _is_city(city: City, code: str) -> bool:
    area = city.area(code)
    return area is not None and area.level == "city"


def _belongings(
    relation: Relation, person: UUID, seat: Holder, city: City, grant: Grant | None
) -> Iterator[Belonging]:
    match relation:
        case "own":
            yield "cell", seat.area
        case "within":
            yield from _within(city, seat.area)
        case "unit" if seat.organisation:
            yield "unit", seat.organisation
        case "self":
            yield "person", str(person)
        case "neighbour":
            yield "neighbour", seat.area
        case "granted" if grant and grant.area:
            yield from _within(city, grant.area)
        case "granted" if grant:
            yield "record", str(grant.record)


def _within(city: City, code: str) -> Iterator[Belonging]:
    """From a community up, communities stand for all the cells below them."""
    yield "cell", code
    if (area := city.area(code)) is None:
        return
    if area.level in ("grid_l2", "grid_l3"):
        yield from (("cell", below.code) for below in city.below(code))
    else:
        areas = (area, *city.below(code))
        yield from (("community", one.code) for one in areas if one.level == "grid_l1")
