"""The aggregates of the registry, a file each. Pure: no await, no clock, no random, no I/O."""

from services.registry.domain.appointment import APPOINTMENT, Appoint, EndAppointment
from services.registry.domain.area import AREA, ChangeArea, CloseArea, OpenArea
from services.registry.domain.organisation import (
    ORGANISATION,
    ChangeOrganisation,
    CloseOrganisation,
    RegisterOrganisation,
)
from services.registry.domain.post import POST, AbolishPost, EstablishPost
from services.registry.domain.work_calendar import WORK_CALENDAR, PublishCalendar

__all__ = [
    "APPOINTMENT",
    "AREA",
    "ORGANISATION",
    "POST",
    "WORK_CALENDAR",
    "AbolishPost",
    "Appoint",
    "ChangeArea",
    "ChangeOrganisation",
    "CloseArea",
    "CloseOrganisation",
    "EndAppointment",
    "EstablishPost",
    "OpenArea",
    "PublishCalendar",
    "RegisterOrganisation",
]
