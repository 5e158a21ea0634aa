"""What the registry publishes on `civicgrid.registry`: what the city is made of, and when."""

from datetime import date, datetime, time
from typing import Annotated, ClassVar, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, WithJsonSchema

from libs.common.contracts.values import Code, Geometry, PublicName, Term
from libs.common.messages import Event

Level = Literal["city", "town", "grid_l1", "grid_l2", "grid_l3"]
CellKind = Literal["basic", "dedicated"]
OrganisationKind = Literal[
    "police_room",
    "mediation_centre",
    "community_station",
    "town_centre",
    "command_centre",
    "department",
    "village_committee",
    "civil_group",
]
FirstRole = Literal[
    "grid_informant",
    "grid_head",
    "police_assistant",
    "community_officer",
    "auxiliary_officer",
    "mediation_staff",
    "mediator",
    "station_staff",
    "town_operator",
    "command_operator",
    "department_operator",
]
"""All that events of v1 may name: a value more would break who reads them."""
LaterRole = Literal["privacy_officer", "assessor", "system_admin", "integrator"]
Role = Literal[FirstRole, LaterRole]
LATER_ROLES: frozenset[str] = frozenset(get_args(LaterRole))


class RegistryEvent(Event):
    community: Code | None = None
    """Code of the level 1 cell that this belongs to; None above that level."""

    @property
    def key(self) -> str | None:
        return self.community


class AreaOpened(RegistryEvent):
    """A node of the tree. `polygon`: GeoJSON geometry (Polygon or MultiPolygon, WGS 84), if any."""

    type: ClassVar[str] = "area.opened.v1"
    max_bytes: ClassVar[int] = 512 * 1024
    area_id: UUID
    code: Code
    name: PublicName
    level: Level
    parent: Code | None
    kind: CellKind = "basic"
    valid_from: datetime
    households: int | None = None
    polygon: Geometry | None = None


class AreaChanged(AreaOpened):
    """The whole area as it is from `valid_from` on."""

    type: ClassVar[str] = "area.changed.v1"


class AreaClosed(AreaOpened):
    """The whole area as it was, and when it ended: a copy keeps its past."""

    type: ClassVar[str] = "area.closed.v1"
    valid_to: datetime


class OrganisationRegistered(RegistryEvent):
    """An office. `area` is the code of the area that it serves."""

    type: ClassVar[str] = "organisation.registered.v1"
    organisation_id: UUID
    code: Code
    name: PublicName
    kind: OrganisationKind
    area: Code


class OrganisationChanged(OrganisationRegistered):
    type: ClassVar[str] = "organisation.changed.v1"


class OrganisationClosed(OrganisationRegistered):
    type: ClassVar[str] = "organisation.closed.v1"


class PostEvent(RegistryEvent):
    post_id: UUID
    code: Code
    role: Term
    area: Code
    organisation: Code | None = None


class PostEstablished(PostEvent):
    """A seat with duties in an area, in an organisation where it has one."""

    type: ClassVar[str] = "post.established.v1"
    role: FirstRole


class PostAbolished(PostEstablished):
    type: ClassVar[str] = "post.abolished.v1"


class PostEstablishedV2(PostEvent):
    """A seat whose role came later: v1 tells of none of these. More roles may come; one that is
    not known has no rights."""

    type: ClassVar[str] = "post.established.v2"


class PostAbolishedV2(PostEstablishedV2):
    type: ClassVar[str] = "post.abolished.v2"


class AppointmentEvent(RegistryEvent):
    appointment_id: UUID
    post: Code
    person_ref: UUID
    role: Term
    area: Code
    organisation: Code | None = None
    valid_from: datetime


class AppointmentActivated(AppointmentEvent):
    """A person, known only by a random reference, holds a post from a time on."""

    type: ClassVar[str] = "appointment.activated.v1"
    role: FirstRole


class AppointmentEnded(AppointmentActivated):
    type: ClassVar[str] = "appointment.ended.v1"
    valid_to: datetime


class AppointmentActivatedV2(AppointmentEvent):
    """To a post whose role came later."""

    type: ClassVar[str] = "appointment.activated.v2"


class AppointmentEndedV2(AppointmentActivatedV2):
    type: ClassVar[str] = "appointment.ended.v2"
    valid_to: datetime


LocalTime = Annotated[
    time,
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?$",
        }
    ),
]
"""Without an offset, which RFC 3339 wants of a time."""


class Shift(BaseModel):
    """Local time of the calendar's zone, half-open."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    begin: LocalTime
    end: LocalTime


class WorkCalendarPublished(RegistryEvent):
    """The working times of one year; weekdays but `holidays`, and `workdays` made up for them."""

    type: ClassVar[str] = "work_calendar.published.v1"
    calendar_id: UUID
    year: int
    zone: Code
    shifts: tuple[Shift, ...]
    holidays: tuple[date, ...]
    workdays: tuple[date, ...]


class SubjectEvent(Event):
    """Of what was asked about a subject: a record, or a party of one; known by a reference that is
    random, or made of the record's."""

    subject_ref: UUID
    at: datetime


class SubjectRequestFiled(SubjectEvent):
    """To erase `subjects`: the record, and its parties where it goes as a whole. `record`: that of
    which the subject is a party. `had_content`: whether anything can be read of them now."""

    type: ClassVar[str] = "subject_request.filed.v1"
    subjects: tuple[UUID, ...]
    record: UUID | None = None
    had_content: bool | None = None


class SubjectRequestDecided(SubjectEvent):
    type: ClassVar[str] = "subject_request.decided.v1"
    granted: bool
    reason: Term


class SubjectHeld(SubjectEvent):
    """Nothing of it may be erased: `ground`, the number of a document, says why. `had_content`:
    whether anything can be read of it now, or of its parties."""

    type: ClassVar[str] = "subject.held.v1"
    ground: Code
    had_content: bool | None = None


class SubjectReleased(SubjectEvent):
    type: ClassVar[str] = "subject.released.v1"


class SubjectErased(SubjectEvent):
    """Every service destroys the keys of `subjects`, and confirms. `had_content`: whether there
    were any; no service says which records there are."""

    type: ClassVar[str] = "subject.erased.v1"
    subjects: tuple[UUID, ...]
    record: UUID | None = None
    had_content: bool | None = None


class SubjectAffected(SubjectEvent):
    """`erased`, the record of which it is a party or a party of it, was erased; or it goes itself,
    for what it said is over: no legal hold was on this subject either. `goes`: whether it is erased
    with it."""

    type: ClassVar[str] = "subject.affected.v1"
    erased: UUID
    goes: bool = False


class SubjectFoundErased(SubjectEvent):
    """A service destroyed its keys without having been asked from here, for its time was over. A
    legal hold that is on it came too late."""

    type: ClassVar[str] = "subject.found_erased.v1"


class SubjectDeferred(SubjectEvent):
    """What it said is over and hidden; a legal hold keeps it from being erased, for so long."""

    type: ClassVar[str] = "subject.deferred.v1"


class SubjectRequestConfirmed(SubjectEvent):
    type: ClassVar[str] = "subject_request.confirmed.v1"
    service: Term
    missing: tuple[Term, ...]

    @property
    def is_last(self) -> bool:
        return not self.missing


class SubjectRequestFellOverdue(SubjectEvent):
    """Not every service confirmed in time."""

    type: ClassVar[str] = "subject_request.fell_overdue.v1"
    missing: tuple[Term, ...]
