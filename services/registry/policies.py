"""Commands of the registry, addressed and completed from what the city already is.

An area, organisation or post has the id that its code gives it, so a second load of the same city
meets the same aggregates and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from libs.city import Area, City
from libs.common import ids
from libs.common.contracts.registry import LATER_ROLES, Level, OrganisationKind, Role
from libs.common.messages import Context, Instruction, Refused
from services.registry.domain import (
    APPOINTMENT,
    AREA,
    ORGANISATION,
    POST,
    WORK_CALENDAR,
    AbolishPost,
    Appoint,
    ChangeArea,
    ChangeOrganisation,
    CloseArea,
    CloseOrganisation,
    EndAppointment,
    EstablishPost,
    OpenArea,
    PublishCalendar,
    RegisterOrganisation,
    appointment,
    area,
    organisation,
    post,
)
from services.registry.domain.work_calendar import Times

LEVELS: tuple[Level, ...] = ("city", "town", "grid_l1", "grid_l2", "grid_l3")
ONE_A_COMMUNITY: tuple[OrganisationKind, ...] = (
    "police_room",
    "mediation_centre",
    "community_station",
)

Now = Context[City]


def area_id(code: str) -> UUID:
    return ids.named(f"area/{code}")


def organisation_id(code: str) -> UUID:
    return ids.named(f"organisation/{code}")


def post_id(code: str) -> UUID:
    return ids.named(f"post/{code}")


def appointment_id(post_code: str, person_ref: UUID) -> UUID:
    """The first appointment of a person to a post; a later one brings an id of its own."""
    return ids.named(f"appointment/{post_code}/{person_ref}")


def calendar_id(year: int) -> UUID:
    return ids.named(f"work_calendar/{year}")


def open_area(context: Now, told: area.Description, valid_from: datetime | None) -> Instruction:
    """Refused unless the parent is in force one level up (rows R1, R32)."""
    told = _placed(context.facts, told)
    return AREA.to(area_id(told.code), OpenArea(told, context.now, valid_from))


def change_area(
    context: Now, told: area.Description, valid_from: datetime | None, expected: int | None
) -> Instruction:
    told = _placed(context.facts, told)
    command = ChangeArea(told, context.now, valid_from)
    return AREA.to(area_id(told.code), command, expected=expected)


def close_area(
    context: Now, code: str, valid_to: datetime | None, expected: int | None
) -> Instruction:
    children = len(context.facts.children(code))
    holders = len(context.facts.holders_in(code))
    command = CloseArea(context.now, valid_to or context.now, children, holders)
    return AREA.to(area_id(code), command, expected=expected)


def register_organisation(context: Now, told: organisation.Description) -> Instruction:
    """Refused for a second office of a kind that a community has one of (rows R6, R7)."""
    told = _serving(context.facts, told)
    return ORGANISATION.to(organisation_id(told.code), RegisterOrganisation(told))


def change_organisation(
    context: Now, told: organisation.Description, expected: int | None
) -> Instruction:
    told = _serving(context.facts, told)
    command = ChangeOrganisation(told)
    return ORGANISATION.to(organisation_id(told.code), command, expected=expected)


def close_organisation(code: str, expected: int | None) -> Instruction:
    return ORGANISATION.to(organisation_id(code), CloseOrganisation(), expected=expected)


LEVEL_OF: Mapping[Role, Level] = {
    "community_officer": "grid_l1",
    "auxiliary_officer": "grid_l1",
    "town_operator": "town",
    "command_operator": "city",
}
"""Of roles that see what the police share, or decide on it: only there."""
POLICE: frozenset[Role] = frozenset({"community_officer", "auxiliary_officer"})


def establish_post(context: Now, told: post.Description) -> Instruction:
    city = context.facts
    where = _existing(city, told.area, "/area")
    if told.role in LATER_ROLES and where.level != "city":
        raise Refused("post_of_the_city", status=422, path="/area")
    if where.level != (level := LEVEL_OF.get(told.role, where.level)):
        raise Refused("other_level", status=422, path="/area", level=level)
    if told.organisation is not None:
        office = city.organisation(told.organisation)
        if office is None or office.closed:
            raise Refused("unknown_organisation", status=422, path="/organisation")
    told = replace(told, community=where.community)
    return POST.to(post_id(told.code), EstablishPost(told))


def abolish_post(context: Now, code: str, expected: int | None) -> Instruction:
    command = AbolishPost(held=context.facts.holder(code) is not None)
    return POST.to(post_id(code), command, expected=expected)


def appoint(
    context: Now,
    post_code: str,
    person_ref: UUID,
    valid_from: datetime | None,
    id: UUID | None,
    by: UUID | None,
) -> Instruction:
    """Propose and activate in one: nothing stands between them while training is not recorded.
    `by`: who asks; nobody makes an officer of themselves, who would read what the police share."""
    seat = context.facts.post(post_code)
    if seat is None or seat.abolished:
        raise Refused("unknown_post", status=422, path="/post")
    if by == person_ref and seat.role in POLICE:
        raise Refused("own_appointment", path="/person_ref")
    community = context.facts.require(seat.area).community
    where = (seat.role, seat.area, seat.organisation, community)
    told = appointment.Description(post_code, person_ref, *where)
    holder = context.facts.holder(post_code)
    command = Appoint(told, context.now, valid_from, taken=holder is not None)
    return APPOINTMENT.to(id or appointment_id(post_code, person_ref), command)


def end_appointment(
    context: Now, id: UUID, valid_to: datetime | None, expected: int | None
) -> Instruction:
    return APPOINTMENT.to(id, EndAppointment(valid_to or context.now), expected=expected)


def publish_calendar(times: Times) -> Instruction:
    return WORK_CALENDAR.to(calendar_id(times.year), PublishCalendar(times))


def _placed(city: City, told: area.Description) -> area.Description:
    """With its community, once its place in the tree is found to be one."""
    if told.level == "city":
        if told.parent is not None:
            raise Refused("city_has_no_parent", status=422, path="/parent")
        if city.root and city.root.code != told.code:
            raise Refused("one_city", city=city.root.code)
        return told
    if told.parent is None:
        raise Refused("parent_required", status=422, path="/parent")
    above = _existing(city, told.parent, "/parent")
    if LEVELS.index(above.level) != LEVELS.index(told.level) - 1:
        raise Refused("skipped_level", status=422, path="/parent", parent=above.level)
    if told.kind == "dedicated" and told.level in ("town", "grid_l1"):
        raise Refused("dedicated_needs_community", status=422, path="/kind")
    community = told.code if told.level == "grid_l1" else above.community
    return replace(told, community=community)


def _serving(city: City, told: organisation.Description) -> organisation.Description:
    where = _existing(city, told.area, "/area")
    other = city.organisation_of(told.kind, told.area)
    if told.kind in ONE_A_COMMUNITY and other is not None and other.code != told.code:
        raise Refused("one_a_community", organisation=other.code)
    return replace(told, community=where.community)


def _existing(city: City, code: str, path: str) -> Area:
    found = city.area(code)
    if found is None or found.valid_to is not None:
        raise Refused("unknown_area", status=422, path=path)
    return found
