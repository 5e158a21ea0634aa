"""From a point to the areas that hold it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import cos, radians

import shapely
from shapely.affinity import scale
from shapely.geometry.base import BaseGeometry

METRES_PER_DEGREE = 111_195.0
"""Of latitude, on a sphere of 6,371 km."""


@lru_cache(maxsize=200_000)
def geometry(polygon: str) -> BaseGeometry:
    """A GeoJSON geometry, repaired if it is not valid, prepared for many questions."""
    shape = shapely.geometry.shape(json.loads(polygon))
    if not shape.is_valid:
        shape = shapely.make_valid(shape)
    shapely.prepare(shape)
    return shape


def circle(lon: float, lat: float, radius_m: float) -> BaseGeometry:
    """What lies within `radius_m` metres; a point if that is 0."""
    point = shapely.Point(lon, lat)
    if radius_m <= 0:
        return point
    disc = point.buffer(radius_m / METRES_PER_DEGREE)
    return scale(disc, xfact=1 / max(cos(radians(lat)), 0.01), origin=point)


@lru_cache(maxsize=20_000)
def middle(polygon: str) -> tuple[float, float]:
    """Longitude and latitude, WGS 84, to a tenth of a metre: the centre of gravity, or where that
    lies outside, as of a ring, a point inside."""
    shape = geometry(polygon)
    centre = shape.centroid
    found = centre if shape.intersects(centre) else shape.representative_point()
    return round(found.x, 6), round(found.y, 6)


class Places:
    """Codes by place. `shapes`: (code, GeoJSON geometry as text)."""

    def __init__(self, shapes: Iterable[tuple[str, str]]) -> None:
        known = [(code, geometry(polygon)) for code, polygon in shapes]
        self._codes = [code for code, _ in known]
        self._shapes = [shape for _, shape in known]
        self._index = shapely.STRtree(self._shapes)

    def touching(self, place: BaseGeometry) -> Iterator[str]:
        """Codes of all areas that share at least a point with `place`, borders included."""
        for i in self._index.query(place):
            if self._shapes[i].intersects(place):
                yield self._codes[i]
