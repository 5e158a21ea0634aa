"""A small city, told as the registry tells it: through the copies of its events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from libs.city import COPIES, City
from libs.common import ids
from libs.common.contracts.registry import (
    LATER_ROLES,
    AppointmentActivated,
    AppointmentActivatedV2,
    AppointmentEvent,
    AreaOpened,
    Level,
    OrganisationKind,
    OrganisationRegistered,
    PostEstablished,
    PostEstablishedV2,
    PostEvent,
    Role,
    Shift,
    WorkCalendarPublished,
)
from libs.common.messages import Cause, Envelope, Event

START = datetime(2026, 1, 1, tzinfo=UTC)


def city_of(*events: Event) -> City:
    """The facts after these events, the n-th of which has version n."""
    tables: dict[str, dict[tuple[Any, ...], Mapping[str, Any]]] = {c.table: {} for c in COPIES}
    for version, event in enumerate(events, start=1):
        for table, key, row in _rows(event, version):
            tables[table][key] = row
    return City.build(tables)


def _rows(event: Event, version: int) -> Iterable[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    for copy in COPIES:
        if type(event) in copy.on:
            for values in copy.on[type(event)](event, envelope(event, version)):
                row = dict(zip(copy.columns, values, strict=True))
                yield copy.table, tuple(row[name] for name in copy.key), row


def envelope(event: Event, version: int = 1) -> Envelope:
    cause = Cause("test", "c", UUID(int=1), "/test")
    return Envelope(event, UUID(int=2), "/registry", UUID(int=3), version, "k", START, cause)


def square(west: float, south: float, side: float) -> dict[str, Any]:
    east, north = west + side, south + side
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def area(
    code: str,
    level: Level,
    parent: str | None = None,
    polygon: dict[str, Any] | None = None,
    community: str | None = None,
) -> AreaOpened:
    return AreaOpened(
        area_id=ids.named(f"area/{code}"),
        code=code,
        name=code,
        level=level,
        parent=parent,
        community=community or (code if level == "grid_l1" else None),
        valid_from=START,
        polygon=polygon,
    )


def organisation(code: str, kind: OrganisationKind, area: str) -> OrganisationRegistered:
    known = ids.named(f"organisation/{code}")
    return OrganisationRegistered(organisation_id=known, code=code, name=code, kind=kind, area=area)


def post(code: str, role: Role, area: str, organisation: str | None = None) -> PostEvent:
    kind = PostEstablishedV2 if role in LATER_ROLES else PostEstablished
    told = {"code": code, "role": role, "area": area, "organisation": organisation}
    return kind.model_validate({"post_id": ids.named(f"post/{code}"), **told})


def holding(seat: PostEvent, person: int) -> AppointmentEvent:
    is_later = isinstance(seat, PostEstablishedV2)
    kind = AppointmentActivatedV2 if is_later else AppointmentActivated
    told = seat.model_dump(include={"role", "area", "organisation"}) | {"post": seat.code}
    id = UUID(int=person)
    since = {"appointment_id": id, "person_ref": id, "valid_from": START}
    return kind.model_validate(told | since)


def calendar(year: int = 2026) -> WorkCalendarPublished:
    """The calendar of row L5: Mon-Fri 09-12 and 13-17, 1 May off, Sunday 26 April worked."""
    return WorkCalendarPublished(
        calendar_id=ids.named(f"work_calendar/{year}"),
        year=year,
        zone="Asia/Shanghai",
        shifts=(Shift(begin=time(9), end=time(12)), Shift(begin=time(13), end=time(17))),
        holidays=(date(2026, 5, 1),) if year == 2026 else (),
        workdays=(date(2026, 4, 26),) if year == 2026 else (),
    )


NESTED = (
    area("C", "city", polygon=square(119.0, 36.0, 0.4)),
    area("C-1", "town", "C", square(119.0, 36.0, 0.4)),
    area("C-1-1", "grid_l1", "C-1", square(119.0, 36.0, 0.2)),
    area("C-1-2", "grid_l1", "C-1", square(119.2, 36.0, 0.2)),
    area("C-1-1-1", "grid_l2", "C-1-1", square(119.0, 36.0, 0.1), "C-1-1"),
    area("C-1-1-1-1", "grid_l3", "C-1-1-1", square(119.0, 36.0, 0.05), "C-1-1"),
)
"""A city, its town, two communities, and one cell of levels 2 and 3."""
