"""Whether polygons are areas, and neighbours stay out of each other (row R23)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import cos, radians
from typing import Any

import shapely
from shapely.affinity import scale
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from libs.city.places import METRES_PER_DEGREE
from services.registry.batches import Body
from services.registry.faults import Fault

TOLERANCE_M2 = 1.0
MOST_BYTES = 400_000
"""An event of an area may have 512 KiB; larger polygons are simplified to a metre."""


@dataclass(frozen=True, slots=True)
class Shaped:
    """An area as read: its body without polygon, the row that told of it, the polygon as given."""

    index: int
    body: Body
    row: Mapping[str, Any]
    polygon: Any = None


Shapes = Mapping[str, tuple[Shaped, BaseGeometry]]


def fitted(areas: Sequence[Shaped]) -> tuple[list[Shaped], list[Fault]]:
    """The areas with polygons that can be used in their bodies, and what was wrong with them.

    Bad shapes are repaired, unusable ones dropped (the area stays), overlaps kept.
    """
    faults: list[Fault] = []
    shapes: dict[str, tuple[Shaped, BaseGeometry]] = {}
    done: list[Shaped] = []
    for area in areas:
        shape, fault = _shape(area) if area.polygon is not None else (None, None)
        if fault is not None:
            faults.append(fault)
        if shape is not None:
            shapes[area.body["code"]] = area, shape
        polygon = None if shape is None else _small_enough(shape)
        done.append(replace(area, body={**area.body, "polygon": polygon}))
    faults.extend(_overlaps(shapes))
    faults.extend(_outside(shapes))
    return done, faults


def _shape(area: Shaped) -> tuple[BaseGeometry | None, Fault | None]:
    try:
        shape = shapely.geometry.shape(area.polygon)
        shape = shape if shape.is_valid else _areal(shape)
        reason = shapely.is_valid_reason(shapely.geometry.shape(area.polygon))
    except (ShapelyError, ValueError, TypeError, KeyError, IndexError, AttributeError) as problem:
        return None, _unusable(area, str(problem))
    if shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty:
        return None, _unusable(area, shape.geom_type)
    west, south, east, north = shape.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        return None, _unusable(area, f"{shape.bounds}")
    if reason == "Valid Geometry":
        return shape, None
    code = area.body["code"]
    return shape, Fault(area.index, "/polygon", "invalid_polygon", "repaired", code, reason)


def _areal(shape: BaseGeometry) -> BaseGeometry:
    """Repaired, without the lines and points that a repair can leave behind."""
    repaired = shapely.make_valid(shape)
    parts = [one for one in shapely.get_parts(repaired) if one.area > 0]
    return shapely.union_all(parts)


def _unusable(area: Shaped, value: str) -> Fault:
    return Fault(area.index, "/polygon", "no_polygon", "left_out", area.body["code"], value)


def _small_enough(shape: BaseGeometry) -> dict[str, Any]:
    told: dict[str, Any] = shapely.geometry.mapping(shape)
    if len(shapely.to_geojson(shape)) > MOST_BYTES:
        told = shapely.geometry.mapping(shape.simplify(1 / METRES_PER_DEGREE))
    return {"type": told["type"], "coordinates": _lists(told["coordinates"])}


def _lists(coordinates: Any) -> Any:
    if isinstance(coordinates, tuple | list):
        return [_lists(one) for one in coordinates]
    return coordinates


def _overlaps(shapes: Shapes) -> Iterator[Fault]:
    """Pairs of one parent that share more than the tolerance, each named once."""
    families: defaultdict[str | None, list[tuple[Shaped, BaseGeometry]]] = defaultdict(list)
    for area, shape in shapes.values():
        families[area.body["level"]].append((area, shape))
    for family in families.values():
        tree = shapely.STRtree([shape for _, shape in family])
        for i, (area, shape) in enumerate(family):
            for j in sorted(tree.query(shape, predicate="intersects")):
                other, neighbour = family[j]
                if j > i and (shared := square_metres(shape.intersection(neighbour))) > (
                    TOLERANCE_M2
                ):
                    value = f"{other.body['code']}: {shared:.0f}"
                    code = area.body["code"]
                    yield Fault(area.index, "/polygon", "overlap", "kept", code, value)


def _outside(shapes: Shapes) -> Iterator[Fault]:
    for area, shape in shapes.values():
        code, parent = area.body["code"], shapes.get(area.body["parent"])
        if parent is None or parent[1].covers(shape):
            continue
        beyond = square_metres(shape.difference(parent[1]))
        if beyond > TOLERANCE_M2:
            yield Fault(area.index, "/polygon", "outside_parent", "kept", code, f"{beyond:.0f}")


def square_metres(shape: BaseGeometry) -> float:
    """Of a small shape in degrees, on a sphere flattened at its own latitude."""
    if shape.is_empty:
        return 0.0
    _, south, _, north = shape.bounds
    narrowed = scale(shape, xfact=cos(radians((south + north) / 2)))
    return float(narrowed.area) * METRES_PER_DEGREE**2
