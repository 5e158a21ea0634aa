"""An alert, after ISA-18.2: letters A to D of alerts.md, section 1. Never about a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, assert_never
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.callers import Belongings
from libs.common.contracts.alerts import (
    AlertAcknowledged,
    AlertEscalated,
    AlertEvent,
    AlertRaised,
    AlertReturnedToNormal,
)
from libs.common.messages import Decider, Refused

AlertStatus = Literal["normal", "unacknowledged", "acknowledged", "returned_unacknowledged"]
Status = Literal["", AlertStatus]


@dataclass(frozen=True, slots=True)
class Alert:
    """`status` is empty while it was never raised. `told`: persons, by random reference."""

    id: UUID
    status: Status = ""
    community: str | None = None
    cell: str | None = None
    about: UUID | None = None
    rule: str = ""
    severity: int = 1
    raised_at: datetime | None = None
    late: bool = False
    about_version: int = 0
    level: int = 0
    told: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Raise:
    """`late`: old news, which is kept and told to nobody (row A25)."""

    at: datetime
    about: UUID
    community: str | None
    cell: str | None
    rule: str
    rule_set: int
    severity: int
    recipients: tuple[UUID, ...]
    about_version: int
    late: bool = False


@dataclass(frozen=True, slots=True)
class Acknowledge:
    at: datetime
    by: UUID


@dataclass(frozen=True, slots=True)
class Escalate:
    """To step `level` of its ladder; whoever was told already is not told again."""

    at: datetime
    level: int
    recipients: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Clear:
    """The condition holds no more since this version of what the alert is about. After a restore
    that is told again, maybe of a time before the alert was raised."""

    at: datetime
    about_version: int


Command = Raise | Acknowledge | Escalate | Clear

ACKNOWLEDGED: Mapping[Status, Status] = {
    "unacknowledged": "acknowledged",
    "returned_unacknowledged": "normal",
}
CLEARED: Mapping[Status, Status] = {
    "unacknowledged": "returned_unacknowledged",
    "acknowledged": "normal",
}


def decide(alert: Alert, command: Command) -> list[AlertEvent]:
    match command:
        case Raise():
            return [] if alert.status else [_raised(alert, command)]
        case Acknowledge(at, by):
            _check(alert, by)
            return [AlertAcknowledged(**_now(alert, at), by=by)]
        case Escalate(at, level, recipients):
            if alert.status != "unacknowledged" or level != alert.level + 1:
                return []
            new = tuple(one for one in recipients if one not in alert.told)
            return [AlertEscalated(**_now(alert, at), level=level, recipients=new)]
        case Clear(at, version):
            if alert.status not in CLEARED or version < alert.about_version:
                return []
            return [AlertReturnedToNormal(**_now(alert, at))]
        case _:
            assert_never(command)


def _check(alert: Alert, by: UUID) -> None:
    """Only a person who was told can acknowledge; for all others there is no such alert."""
    if not alert.status or by not in alert.told:
        raise Refused("not_found", status=404)
    if alert.status not in ACKNOWLEDGED:
        raise Refused("illegal_transition")


def _now(alert: Alert, at: datetime) -> dict[str, Any]:
    names = ("community", "cell", "about", "rule", "severity")
    return {name: getattr(alert, name) for name in names} | {"alert_id": alert.id, "at": at}


def _raised(alert: Alert, command: Raise) -> AlertRaised:
    fields = {name: getattr(command, name) for name in Raise.__slots__}
    return AlertRaised(alert_id=alert.id, level=0, **fields)


def evolve(alert: Alert, event: AlertEvent) -> Alert:
    match event:
        case AlertRaised():
            names = ("community", "cell", "about", "rule", "severity", "late", "about_version")
            kept = {name: getattr(event, name) for name in names}
            return replace(
                alert,
                status="unacknowledged",
                raised_at=event.at,
                told=event.recipients,
                **kept,
            )
        case AlertAcknowledged():
            return replace(alert, status=ACKNOWLEDGED[alert.status])
        case AlertEscalated(level=level, recipients=new):
            return replace(alert, level=level, told=(*alert.told, *new))
        case AlertReturnedToNormal():
            return replace(alert, status=CLEARED[alert.status])
    return alert


def _belongs(alert: Alert) -> Belongings:
    told = tuple(map(str, alert.told))
    return {"community": (alert.community,), "cell": (alert.cell,), "person": told}


ALERT: Decider[Alert, Command, AlertEvent] = Decider(
    name="alert",
    blank=Alert,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(Alert),
    events=(AlertRaised, AlertAcknowledged, AlertEscalated, AlertReturnedToNormal),
    shape=2,
    belongs=_belongs,
)
