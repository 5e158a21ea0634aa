"""The city as one immutable value: areas, offices, who answers for what, and when one works."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from libs.common.contracts.registry import (
    CellKind,
    Level,
    OrganisationKind,
    Role,
    WorkCalendarPublished,
)
from libs.common.messages import Wait

if TYPE_CHECKING:
    from libs.city.places import Places

K = TypeVar("K", str, UUID)
Rows = Mapping[tuple[Any, ...], Mapping[str, Any]]

ANSWERS: Mapping[Level, Role] = {
    "city": "command_operator",
    "town": "town_operator",
    "grid_l1": "community_officer",
    "grid_l2": "grid_head",
    "grid_l3": "grid_informant",
}
"""Whose holders answer for an area of this level (rows R10, R27)."""


@dataclass(frozen=True, slots=True)
class Area:
    """`polygon`: GeoJSON geometry as text, WGS 84, or None where nobody drew one."""

    code: str
    name: str
    level: Level
    parent: str | None
    kind: CellKind
    community: str | None
    valid_from: datetime
    valid_to: datetime | None
    polygon: str | None

    @property
    def has_polygon(self) -> bool:
        return self.polygon is not None

    def in_force(self, at: datetime | None = None) -> bool:
        """At an instant; without one: whether it has not been closed."""
        if at is None:
            return self.valid_to is None
        return self.valid_from <= at and _lasts(self.valid_to, at)


@dataclass(frozen=True, slots=True)
class Organisation:
    code: str
    name: str
    kind: OrganisationKind
    area: str
    closed: bool


@dataclass(frozen=True, slots=True)
class Post:
    code: str
    role: Role
    area: str
    organisation: str | None
    abolished: bool


@dataclass(frozen=True, slots=True)
class Holder:
    """A person, known by a random reference, in a post."""

    person_ref: UUID
    post: str
    role: Role
    area: str
    organisation: str | None


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person may see besides, until it ends: one of `record` and `area` is None."""

    id: UUID
    record: UUID | None
    area: str | None


class City:
    """Facts of the registry. Nothing here is computed before somebody asks."""

    def __init__(self, tables: Mapping[str, Rows]) -> None:
        self._areas = tables["city_area"]
        self._organisations = tables["city_organisation"]
        self._posts = tables["city_post"]
        self._appointments = tables["city_appointment"]
        self._calendars = tables["city_work_calendar"]
        self._accounts = tables["city_account"]
        self._grants = tables["city_grant"]
        self._seen: dict[str, Area] = {}
        self._chains: dict[str, tuple[str, ...]] = {}

    @classmethod
    def build(cls, tables: Mapping[str, Rows]) -> City:
        """`tables`: name -> primary key -> row, the tables of `COPIES`; others are ignored."""
        return cls(tables)

    @property
    def is_known(self) -> bool:
        """Whether the registry has told of any area."""
        return bool(self._areas)

    def area(self, code: str) -> Area | None:
        if (seen := self._seen.get(code)) is None and (row := self._areas.get((code,))):
            seen = self._seen[code] = _area(row)
        return seen

    def require(self, code: str) -> Area:
        """The area; raises Wait while the registry has not told of it."""
        if found := self.area(code):
            return found
        raise Wait(f"area {code} is not known yet")

    def chain(self, code: str) -> tuple[str, ...]:
        """The code and its ancestors up to the city. Wait if one of them is unknown."""
        if (chain := self._chains.get(code)) is None:
            chain = self._chains[code] = tuple(area.code for area in self._up(code))
        return chain

    def community_of(self, code: str) -> str | None:
        """Code of its level 1 cell; None for a town or the city. Wait if it is unknown."""
        return self.require(code).community

    def town_of(self, code: str) -> str | None:
        """Code of its town; None for the city. Wait if an ancestor is unknown."""
        return next((area.code for area in self._up(code) if area.level == "town"), None)

    def contains(self, area_code: str, cell_code: str) -> bool:
        """Whether the cell is that area or below it. Wait if the cell is unknown."""
        return area_code in self.chain(cell_code)

    @cached_property
    def root(self) -> Area | None:
        """The city itself; None while it is not known."""
        rows = (row for row in self._areas.values() if row["level"] == "city")
        return next((_area(row) for row in rows if row["valid_to"] is None), None)

    def children(self, code: str) -> tuple[str, ...]:
        """Codes one level below that are not closed, sorted."""
        return self._children.get(code, ())

    def locate(
        self, lon: float, lat: float, accuracy_m: float = 0.0, *, at: datetime | None = None
    ) -> tuple[Area, ...]:
        """The smallest areas in force that the point, or its circle of accuracy, touches.

        Sorted by code; several where areas overlap or meet, none outside the city.
        """
        hits = self._touched(lon, lat, accuracy_m, at)
        above = {code for hit in hits for code in self._known_above(hit)}
        return tuple(area for area in hits if area.code not in above)

    def crossed(self, lon: float, lat: float, accuracy_m: float) -> tuple[str, ...]:
        """Communities whose area the circle of accuracy touches, sorted (row L16)."""
        hits = self._touched(lon, lat, accuracy_m, None)
        return tuple(sorted({hit.community for hit in hits if hit.community}))

    def organisation(self, code: str) -> Organisation | None:
        row = self._organisations.get((code,))
        return None if row is None else _organisation(row)

    def organisation_of(self, kind: OrganisationKind, area: str) -> Organisation | None:
        """The open one of that kind that serves exactly this area; the smaller code of several."""
        return self._serving.get((kind, area))

    @cached_property
    def command_centre(self) -> Organisation | None:
        """Of the whole city; the smaller code of several."""
        found = (one for (kind, _), one in self._serving.items() if kind == "command_centre")
        return min(found, key=_code, default=None)

    def nearest(self, kind: OrganisationKind, area: str) -> Organisation | None:
        """The open one of that kind that serves the area, or else the closest one above it. Wait
        if an ancestor is unknown."""
        found = (self.organisation_of(kind, code) for code in self.chain(area))
        return next((one for one in found if one), None)

    def post(self, code: str) -> Post | None:
        row = self._posts.get((code,))
        return None if row is None else _post(row)

    def holder(self, post: str) -> Holder | None:
        """Who holds that post now."""
        return self._holders.get(post)

    def holders_in(self, area: str) -> tuple[Holder, ...]:
        """All who hold a post of exactly this area now, sorted by post."""
        return self._holders_by_area.get(area, ())

    def responsible(self, area_code: str) -> tuple[Holder, ...]:
        """The persons who answer for exactly this area now. Wait if the area is unknown."""
        role = ANSWERS[self.require(area_code).level]
        return tuple(one for one in self.holders_in(area_code) if one.role == role)

    def seats(self, person_ref: UUID, at: datetime) -> tuple[Holder, ...]:
        """The posts that a person holds at that instant, sorted by post."""
        rows = (self._appointments[(id,)] for id in self._by_person.get(person_ref, ()))
        held = (row for row in rows if row["valid_from"] <= at and _lasts(row["valid_to"], at))
        return tuple(sorted(map(_holder, held), key=lambda holder: holder.post))

    def bars(self, account: UUID, session: UUID) -> bool:
        """Whether the portal has disabled that account, or revoked that session of it."""
        row = self._accounts.get((account,))
        return row is not None and (row["disabled"] or str(session) in row["revoked_sessions"])

    def grant(self, id: UUID, person_ref: UUID, at: datetime) -> Grant | None:
        """That person's break-glass grant, while it is in force."""
        row = self._grants.get((id,))
        if row is None or row["person_ref"] != person_ref or row["over"] or row["ends_at"] <= at:
            return None
        return Grant(row["grant_id"], row["record"], row["area"])

    def below(self, code: str) -> Iterator[Area]:
        """All areas below it, closed ones too: what happened there is still somebody's."""
        for child in self._offspring.get(code, ()):
            yield self.require(child)
            yield from self.below(child)

    def calendar(self, year: int) -> WorkCalendarPublished | None:
        """The newest one published for that year."""
        return self._published.get(year)

    def _up(self, code: str | None) -> Iterator[Area]:
        while code is not None:
            area = self.require(code)
            yield area
            code = area.parent

    def _known_above(self, area: Area) -> Iterator[str]:
        while area.parent is not None and (row := self._areas.get((area.parent,))):
            yield area.parent
            area = _area(row)

    def _touched(
        self, lon: float, lat: float, accuracy_m: float, at: datetime | None
    ) -> list[Area]:
        from libs.city.places import circle

        codes = sorted(self._places.touching(circle(lon, lat, accuracy_m)))
        areas = (_area(self._areas[(code,)]) for code in codes)
        return [area for area in areas if area.in_force(at)]

    @cached_property
    def _places(self) -> Places:
        """Only who looks up points loads shapely, a fifth of what a process takes to start."""
        from libs.city.places import Places

        rows = self._areas.values()
        return Places((row["code"], row["polygon"]) for row in rows if row["polygon"])

    @cached_property
    def _published(self) -> Mapping[int, WorkCalendarPublished]:
        texts = (row["calendar"] for row in self._calendars.values())
        return {one.year: one for one in map(WorkCalendarPublished.model_validate_json, texts)}

    @cached_property
    def _children(self) -> Mapping[str, tuple[str, ...]]:
        rows = (row for row in self._areas.values() if row["parent"] and row["valid_to"] is None)
        return _grouped((row["parent"], row["code"]) for row in rows)

    @cached_property
    def _offspring(self) -> Mapping[str, tuple[str, ...]]:
        rows = (row for row in self._areas.values() if row["parent"])
        return _grouped((row["parent"], row["code"]) for row in rows)

    @cached_property
    def _by_person(self) -> Mapping[UUID, tuple[UUID, ...]]:
        rows = self._appointments.values()
        return _grouped((row["person_ref"], row["appointment_id"]) for row in rows)

    @cached_property
    def _serving(self) -> Mapping[tuple[str, str], Organisation]:
        offices = sorted((_organisation(row) for row in self._organisations.values()), key=_code)
        return {(one.kind, one.area): one for one in reversed(offices) if not one.closed}

    @cached_property
    def _holders(self) -> Mapping[str, Holder]:
        rows = (row for row in self._appointments.values() if row["valid_to"] is None)
        return {row["post"]: _holder(row) for row in rows}

    @cached_property
    def _holders_by_area(self) -> Mapping[str, tuple[Holder, ...]]:
        pairs = _grouped((one.area, post) for post, one in self._holders.items())
        return {area: tuple(self._holders[post] for post in posts) for area, posts in pairs.items()}


def _grouped(pairs: Iterable[tuple[K, K]]) -> Mapping[K, tuple[K, ...]]:
    groups: defaultdict[K, list[K]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return {key: tuple(sorted(values)) for key, values in groups.items()}


def _lasts(end: datetime | None, at: datetime) -> bool:
    return end is None or at < end


def _code(organisation: Organisation) -> str:
    return organisation.code


def _area(row: Mapping[str, Any]) -> Area:
    place = (row["code"], row["name"], row["level"], row["parent"], row["kind"])
    return Area(*place, row["community"], row["valid_from"], row["valid_to"], row["polygon"])


def _organisation(row: Mapping[str, Any]) -> Organisation:
    return Organisation(row["code"], row["name"], row["kind"], row["area"], row["closed"])


def _post(row: Mapping[str, Any]) -> Post:
    return Post(row["code"], row["role"], row["area"], row["organisation"], row["abolished"])


def _holder(row: Mapping[str, Any]) -> Holder:
    seat = (row["person_ref"], row["post"], row["role"])
    return Holder(*seat, row["area"], row["organisation"])
