"""In which cell a lead is: the one named, else the one that its point lies in (rows L1, L16)."""

from __future__ import annotations

from dataclasses import dataclass

from libs.city import Area, City

Point = tuple[float, float]
"""Longitude and latitude, WGS 84."""


@dataclass(frozen=True, slots=True)
class Place:
    """`candidates`: communities that the circle of accuracy crosses, where there are several."""

    community: str | None = None
    cell: str | None = None
    candidates: tuple[str, ...] = ()


NOWHERE = Place()


def find(
    city: City, cell: str | None, point: Point | None, accuracy_m: float, hint: str | None
) -> Place | None:
    """None where `cell` names no open area. A point that lies in two areas takes the one that
    `hint` names or that lies below it, else the smaller code; one in no area takes the hint."""
    if cell is not None:
        area = city.area(cell)
        return _at(area) if area and area.in_force() else None
    hinted = city.area(hint) if hint else None
    found = city.locate(*point) if point else ()
    if not found:
        return _at(hinted) if hinted and hinted.in_force() else NOWHERE
    named = [area for area in found if hinted and city.contains(hinted.code, area.code)]
    place = _at((named or found)[0])
    crossed = city.crossed(*point, accuracy_m) if point and accuracy_m else ()
    return Place(place.community, place.cell, crossed if len(crossed) > 1 else ())


def centre(city: City, code: str) -> Point | None:
    """The middle of the area, or of the closest one above it that somebody drew; None where nobody
    did."""
    from libs.city.places import middle

    area = city.area(code)
    while area and not area.polygon:
        area = city.area(area.parent) if area.parent else None
    return middle(area.polygon) if area and area.polygon else None


def _at(area: Area) -> Place:
    return Place(area.community, area.code)
