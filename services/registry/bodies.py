"""What callers send: shapes and ranges only, the rules are the domain's."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from libs.common.contracts.registry import CellKind, Level, OrganisationKind, Role, Shift
from libs.common.http import LINE, Code, Each, Moment, NewCode, NewTerm, Term, Text
from services.registry.domain import area, organisation, post
from services.registry.domain.work_calendar import Times

Name = Annotated[
    str, StringConstraints(pattern=LINE, min_length=1, max_length=200, strip_whitespace=True)
]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AreaBody(Body):
    """`polygon`: GeoJSON Polygon or MultiPolygon, WGS 84. `valid_from`: now if absent."""

    code: NewCode
    name: Name
    level: Level
    parent: Code | None = None
    kind: CellKind = "basic"
    valid_from: Moment | None = None
    households: int | None = Field(default=None, ge=0, le=100_000_000)
    polygon: dict[str, Any] | None = None

    @field_validator("polygon")
    @classmethod
    def _is_an_area(cls, polygon: dict[str, Any] | None) -> dict[str, Any] | None:
        if polygon is not None:
            check_polygon(polygon)
        return polygon

    def description(self) -> area.Description:
        place = (self.code, self.name, self.level, self.parent, self.kind)
        return area.Description(*place, households=self.households, polygon=self.polygon)


class OrganisationBody(Body):
    code: NewCode
    name: Name
    kind: OrganisationKind
    area: Code

    def description(self) -> organisation.Description:
        return organisation.Description(self.code, self.name, self.kind, self.area)


class PostBody(Body):
    code: NewCode
    role: Role
    area: Code
    organisation: Code | None = None

    def description(self) -> post.Description:
        return post.Description(self.code, self.role, self.area, self.organisation)


class AppointmentBody(Body):
    """`id`: made by the client where a person takes a post for a second time."""

    id: UUID | None = None
    post: Code
    person_ref: UUID
    valid_from: Moment | None = None


class CalendarBody(Body):
    year: int = Field(ge=2000, le=2100)
    zone: str
    shifts: tuple[Shift, ...]
    holidays: tuple[date, ...] = ()
    workdays: tuple[date, ...] = ()

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("unknown time zone") from None
        return zone

    @model_validator(mode="after")
    def _local_times(self) -> Self:
        if any(shift.begin.tzinfo or shift.end.tzinfo for shift in self.shifts):
            raise ValueError("shifts are local times of the zone")
        return self

    def times(self) -> Times:
        return Times(self.year, self.zone, self.shifts, self.holidays, self.workdays)


class EndBody(Body):
    """`valid_to`: now if absent."""

    valid_to: Moment | None = None


class SubjectRequestBody(Body):
    """`record`: the id of a lead, a case or an account; `party`: who of it, else all of it."""

    record: UUID
    party: Literal["reporter"] | None = None


class DecisionBody(Body):
    granted: bool
    reason: NewTerm


Ground = Annotated[str, StringConstraints(pattern=r"^(court-)?20[0-9]{2}-[0-9]{1,8}$")]
"""The number of an order, such as court-2026-17: it is published, and no name fits in, nor the
number of a person or of a telephone."""


class HoldBody(Body):
    ground: Ground


class StatementBody(Body):
    """What is said of somebody, and what kind of saying it is (row P11)."""

    kind: Literal["fact", "report", "judgement", "unverified"]
    text: Text


class SharedEntryBody(Body):
    """`born`: whose age nobody knows counts as a child."""

    cell: Code | None = None
    name: Name | None = None
    identity: Code | None = None
    address: Name | None = None
    born: date | None = None
    guardian: Name | None = None
    statement: StatementBody | None = None


DocumentNumber = Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-[0-9]{1,8}$")]
"""A year and a number within it: no name fits in, nor the number of a person or of a telephone."""
Rejection = Literal["unclear", "wrong_person", "wrong_place", "not_needed", "no_ground"]
Withdrawal = Literal["no_longer_needed", "wrong_person", "moved_away", "issued_in_error"]
Retention = Literal["still_needed", "under_review", "court_order"]


class SharedBatchBody(Body):
    """What is missing is told with all else that is wrong with it. `area`: a community, or a cell
    of it. `signature`: a compact JWS (RFC 7515) of the source over `sources.digest`."""

    source: Code | None = None
    document: DocumentNumber | None = None
    basis: Term | None = None
    purpose: Term | None = None
    category: Term | None = None
    area: Code | None = None
    expires_at: Moment | None = None
    issued_by: UUID | None = None
    signature: str | None = Field(default=None, max_length=2_000)
    entries: tuple[SharedEntryBody, ...] = ()


class RejectionBody(Body):
    reason: Rejection


class WithdrawalBody(Body):
    reason: Withdrawal


class RetainBody(Body):
    until: Moment
    reason: Retention


class AreaBatch(Body):
    items: tuple[Each[AreaBody], ...] = Field(min_length=1, max_length=500)


class OrganisationBatch(Body):
    items: tuple[Each[OrganisationBody], ...] = Field(min_length=1, max_length=500)


class PostBatch(Body):
    items: tuple[Each[PostBody], ...] = Field(min_length=1, max_length=500)


class AppointmentBatch(Body):
    items: tuple[Each[AppointmentBody], ...] = Field(min_length=1, max_length=500)


class CalendarBatch(Body):
    items: tuple[Each[CalendarBody], ...] = Field(min_length=1, max_length=500)


KINDS = ("Polygon", "MultiPolygon")


def check_polygon(polygon: dict[str, Any]) -> None:
    """ValueError unless it is a valid (Multi)Polygon in degrees (row R23), and nothing besides. As
    in `libs.city.tree`, only who has one loads shapely."""
    import shapely
    from shapely.errors import ShapelyError

    if polygon.keys() != {"type", "coordinates"} or polygon["type"] not in KINDS:
        raise ValueError("a GeoJSON Polygon or MultiPolygon")
    try:
        shape = shapely.geometry.shape(polygon)
    except (ShapelyError, ArithmeticError, LookupError, ValueError, TypeError, AttributeError):
        raise ValueError("not a GeoJSON geometry") from None
    if shape.is_empty:
        raise ValueError("an empty shape")
    west, south, east, north = shape.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise ValueError("coordinates out of range")
    if not shape.is_valid:
        raise ValueError(shapely.is_valid_reason(shape))
