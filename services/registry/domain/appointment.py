"""An appointment: a person, known by a random reference, holds a post from a date to a date."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.contracts.registry import (
    LATER_ROLES,
    AppointmentActivated,
    AppointmentActivatedV2,
    AppointmentEnded,
    AppointmentEndedV2,
    Role,
)
from libs.common.messages import Decider, Refused


@dataclass(frozen=True, slots=True)
class Description:
    post: str
    person_ref: UUID
    role: Role
    area: str
    organisation: str | None = None
    community: str | None = None


@dataclass(frozen=True, slots=True)
class Appointment:
    appointment_id: UUID
    description: Description | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Appoint:
    """`valid_from` None: now. `taken`: somebody else holds that post."""

    description: Description
    at: datetime
    valid_from: datetime | None = None
    taken: bool = False


@dataclass(frozen=True, slots=True)
class EndAppointment:
    valid_to: datetime


Command = Appoint | EndAppointment
Ended = AppointmentEnded | AppointmentEndedV2
Facts = AppointmentActivated | AppointmentActivatedV2 | Ended


def decide(appointment: Appointment, command: Command) -> list[Facts]:
    match command:
        case Appoint():
            return _appoint(appointment, command)
        case EndAppointment(valid_to):
            return _end(appointment, valid_to)
        case _:
            assert_never(command)


def _appoint(appointment: Appointment, command: Appoint) -> list[Facts]:
    if appointment.description is None:
        if command.taken:
            raise Refused("no_free_seat", post=command.description.post)
        told = _told(appointment, command.description, command.valid_from or command.at)
        is_later = command.description.role in LATER_ROLES
        return [AppointmentActivatedV2(**told) if is_later else AppointmentActivated(**told)]
    if appointment.valid_to is not None:
        raise Refused("illegal_transition", allowed=())
    if appointment.description == command.description:
        return []
    raise Refused("illegal_transition", allowed=("end_appointment",))


def _end(appointment: Appointment, valid_to: datetime) -> list[Facts]:
    if appointment.description is None or appointment.valid_from is None:
        raise Refused("not_found", status=404)
    if appointment.valid_to == valid_to:
        return []
    if appointment.valid_to is not None:
        raise Refused("illegal_transition", allowed=())
    if valid_to < appointment.valid_from:
        raise Refused("end_before_beginning", status=422, path="/valid_to")
    told = _told(appointment, appointment.description, appointment.valid_from)
    ended = AppointmentEndedV2 if appointment.description.role in LATER_ROLES else AppointmentEnded
    return [ended(**told, valid_to=valid_to)]


def _told(
    appointment: Appointment, description: Description, valid_from: datetime
) -> dict[str, Any]:
    fields = {name: getattr(description, name) for name in Description.__slots__}
    return {
        "appointment_id": appointment.appointment_id,
        **fields,
        "valid_from": valid_from,
    }


def evolve(appointment: Appointment, event: Facts) -> Appointment:
    fields = {name: getattr(event, name) for name in Description.__slots__}
    told = replace(appointment, description=Description(**fields), valid_from=event.valid_from)
    return replace(told, valid_to=event.valid_to) if isinstance(event, Ended) else told


APPOINTMENT: Decider[Appointment, Command, Facts] = Decider(
    name="appointment",
    blank=Appointment,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(Appointment),
    events=(
        AppointmentActivated,
        AppointmentEnded,
        AppointmentActivatedV2,
        AppointmentEndedV2,
    ),
)
