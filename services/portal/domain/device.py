"""A phone or computer that somebody signs in on. Once revoked it is never registered again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias, assert_never
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.callers import Belongings
from libs.common.contracts.portal import DeviceRegistered, DeviceRevoked, DeviceSignedIn
from libs.common.messages import Decider, Refused
from libs.rights.tokens import unauthorised

DeviceStatus = Literal["registered", "revoked"]
Status = Literal["", DeviceStatus]
DeviceEvent: TypeAlias = DeviceRegistered | DeviceRevoked | DeviceSignedIn


@dataclass(frozen=True, slots=True)
class Device:
    """`status` is empty while there is no such device. `session`: that it was registered by."""

    id: UUID
    status: Status = ""
    account_id: UUID | None = None
    session_id: UUID | None = None
    registered_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RegisterDevice:
    at: datetime
    account: UUID
    session: UUID


@dataclass(frozen=True, slots=True)
class RevokeDevice:
    at: datetime
    by: UUID


@dataclass(frozen=True, slots=True)
class SignInOn:
    """By a session that begins. It changes nothing but the version, so that another process cannot
    revoke the device meanwhile."""

    at: datetime
    account: UUID
    session: UUID


Command = RegisterDevice | RevokeDevice | SignInOn


def decide(device: Device, command: Command) -> list[DeviceEvent]:
    match command:
        case SignInOn(at, account, session):
            if device.status != "registered" or device.account_id != account:
                raise unauthorised()
            return [
                DeviceSignedIn(device_id=device.id, account_id=account, session_id=session, at=at)
            ]
        case RegisterDevice():
            return [_registered(device, command)]
        case RevokeDevice():
            return [_revoked(device, command)]
        case _:
            assert_never(command)


def _registered(device: Device, command: RegisterDevice) -> DeviceRegistered:
    if device.status:
        allowed = ("revoke_device",) if device.status == "registered" else ()
        raise Refused("illegal_transition", allowed=allowed)
    return DeviceRegistered(
        device_id=device.id,
        account_id=command.account,
        session_id=command.session,
        at=command.at,
    )


def _revoked(device: Device, command: RevokeDevice) -> DeviceRevoked:
    if not device.status:
        raise Refused("not_found", status=404)
    if device.status == "revoked":
        raise Refused("illegal_transition")
    assert device.account_id and device.session_id and device.registered_at
    return DeviceRevoked(
        device_id=device.id,
        account_id=device.account_id,
        session_id=device.session_id,
        at=device.registered_at,
        revoked_at=command.at,
        by=command.by,
    )


def evolve(device: Device, event: DeviceEvent) -> Device:
    if isinstance(event, DeviceSignedIn):
        return device
    if isinstance(event, DeviceRevoked):
        return replace(device, status="revoked", revoked_at=event.revoked_at)
    owned = replace(device, account_id=event.account_id, session_id=event.session_id)
    return replace(owned, status="registered", registered_at=event.at)


def _belongs(device: Device) -> Belongings:
    return {"account": (str(device.account_id) if device.account_id else None,)}


DEVICE: Decider[Device, Command, DeviceEvent] = Decider(
    name="device",
    blank=Device,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(Device),
    events=(DeviceRegistered, DeviceRevoked, DeviceSignedIn),
    belongs=_belongs,
)
