"""Rows of the facts of registry and portal, each replaced by the newest version of its source."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from libs.common.contracts.portal import (
    AccountDisabled,
    AccountEnabled,
    AccountEvent,
    BreakGlassEnded,
    BreakGlassGranted,
    SessionRevoked,
)
from libs.common.contracts.registry import (
    AppointmentActivated,
    AppointmentActivatedV2,
    AppointmentEnded,
    AppointmentEndedV2,
    AppointmentEvent,
    AreaChanged,
    AreaClosed,
    AreaOpened,
    OrganisationChanged,
    OrganisationClosed,
    OrganisationRegistered,
    PostAbolished,
    PostAbolishedV2,
    PostEstablished,
    PostEstablishedV2,
    PostEvent,
    WorkCalendarPublished,
)
from libs.common.messages import Envelope
from libs.common.projections import Copy

Rows = Iterable[Sequence[Any]]


def _area(event: AreaOpened, envelope: Envelope) -> Rows:
    polygon = event.polygon and json.dumps(event.polygon, separators=(",", ":"))
    ended = event.valid_to if isinstance(event, AreaClosed) else None
    place = (event.code, envelope.version, event.name, event.level, event.parent, event.kind)
    yield (*place, event.community, event.valid_from, ended, event.households, polygon)


def _organisation(event: OrganisationRegistered, envelope: Envelope) -> Rows:
    closed = isinstance(event, OrganisationClosed)
    office = (event.code, envelope.version, event.name, event.kind, event.area)
    yield (*office, event.community, closed)


def _post(event: PostEvent, envelope: Envelope) -> Rows:
    abolished = isinstance(event, PostAbolished | PostAbolishedV2)
    seat = (event.code, envelope.version, event.role, event.area, event.organisation)
    yield (*seat, event.community, abolished)


def _appointment(event: AppointmentEvent, envelope: Envelope) -> Rows:
    ended = event.valid_to if isinstance(event, AppointmentEnded | AppointmentEndedV2) else None
    held = (event.appointment_id, envelope.version, event.post, event.person_ref, event.role)
    yield (*held, event.area, event.organisation, event.community, event.valid_from, ended)


def _calendar(event: WorkCalendarPublished, envelope: Envelope) -> Rows:
    yield event.year, envelope.version, event.model_dump_json()


def _account(event: AccountEvent, envelope: Envelope) -> Rows:
    revoked = " ".join(map(str, event.revoked_sessions))
    yield event.account_id, envelope.version, event.disabled, revoked


def _grant(event: BreakGlassGranted, envelope: Envelope) -> Rows:
    over = isinstance(event, BreakGlassEnded)
    given = (event.grant_id, envelope.version, event.person_ref, event.record, event.area)
    yield (*given, event.ends_at, over)


AREA = Copy(
    "city_area",
    key=("code",),
    columns={
        "code": "text",
        "version": "int",
        "name": "text",
        "level": "text",
        "parent": "text",
        "kind": "text",
        "community": "text",
        "valid_from": "timestamptz",
        "valid_to": "timestamptz",
        "households": "int",
        "polygon": "text",
    },
    on={AreaOpened: _area, AreaChanged: _area, AreaClosed: _area},
    fact=True,
)

ORGANISATION = Copy(
    "city_organisation",
    key=("code",),
    columns={
        "code": "text",
        "version": "int",
        "name": "text",
        "kind": "text",
        "area": "text",
        "community": "text",
        "closed": "boolean",
    },
    on={
        OrganisationRegistered: _organisation,
        OrganisationChanged: _organisation,
        OrganisationClosed: _organisation,
    },
    fact=True,
)

POST = Copy(
    "city_post",
    key=("code",),
    columns={
        "code": "text",
        "version": "int",
        "role": "text",
        "area": "text",
        "organisation": "text",
        "community": "text",
        "abolished": "boolean",
    },
    on={
        PostEstablished: _post,
        PostAbolished: _post,
        PostEstablishedV2: _post,
        PostAbolishedV2: _post,
    },
    fact=True,
)

APPOINTMENT = Copy(
    "city_appointment",
    key=("appointment_id",),
    columns={
        "appointment_id": "uuid",
        "version": "int",
        "post": "text",
        "person_ref": "uuid",
        "role": "text",
        "area": "text",
        "organisation": "text",
        "community": "text",
        "valid_from": "timestamptz",
        "valid_to": "timestamptz",
    },
    on={
        AppointmentActivated: _appointment,
        AppointmentEnded: _appointment,
        AppointmentActivatedV2: _appointment,
        AppointmentEndedV2: _appointment,
    },
    fact=True,
)

WORK_CALENDAR = Copy(
    "city_work_calendar",
    key=("year",),
    columns={"year": "int", "version": "int", "calendar": "text"},
    on={WorkCalendarPublished: _calendar},
    fact=True,
)

ACCOUNT = Copy(
    "city_account",
    key=("account_id",),
    columns={
        "account_id": "uuid",
        "version": "int",
        "disabled": "boolean",
        "revoked_sessions": "text",
    },
    on={AccountDisabled: _account, AccountEnabled: _account, SessionRevoked: _account},
    fact=True,
)

GRANT = Copy(
    "city_grant",
    key=("grant_id",),
    columns={
        "grant_id": "uuid",
        "version": "int",
        "person_ref": "uuid",
        "record": "uuid",
        "area": "text",
        "ends_at": "timestamptz",
        "over": "boolean",
    },
    on={BreakGlassGranted: _grant, BreakGlassEnded: _grant},
    fact=True,
)

COPIES: tuple[Copy, ...] = (AREA, ORGANISATION, POST, APPOINTMENT, WORK_CALENDAR, ACCOUNT, GRANT)
