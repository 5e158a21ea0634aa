"""What the police share of one person: in force for a time, then hidden, then gone (rows P8, R15).

The state holds nothing of what it says: that is sealed beside the event that brought it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, assert_never
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.callers import Belongings
from libs.common.contracts.sharing import (
    SharedEntryAdmitted,
    SharedEntryDeleted,
    SharedEntryDiscarded,
    SharedEntryEvent,
    SharedEntryExpired,
    SharedEntryReceived,
    SharedEntryRetained,
    SharedEntryWithdrawn,
)
from libs.common.messages import Decider, Refused
from services.registry.domain.shared_batch import place

EntryStatus = Literal["proposed", "active", "expired", "withdrawn", "discarded", "deleted"]
Status = Literal["", EntryStatus]

DELETED_AFTER = timedelta(days=30)
"""Of the end of its time, unless somebody retains it (row P8)."""


@dataclass(frozen=True, slots=True)
class SharedEntry:
    """`expires_at`: until then it is in force, and as long may it be so once more."""

    id: UUID
    status: Status = ""
    batch_id: UUID | None = None
    issued_by: UUID | None = None
    community: str | None = None
    received_at: datetime | None = None
    expires_at: datetime | None = None
    delete_at: datetime | None = None
    was_retained: bool = False


@dataclass(frozen=True, slots=True)
class Receive:
    """`content`: the sealed fields of the event."""

    at: datetime
    batch_id: UUID
    issued_by: UUID
    community: str
    expires_at: datetime
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Admit:
    at: datetime


@dataclass(frozen=True, slots=True)
class Discard:
    at: datetime


@dataclass(frozen=True, slots=True)
class Retain:
    at: datetime
    by: UUID
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    at: datetime
    by: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class Forget:
    """Its subject was erased on request; no answer where it is gone already."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Expire:
    """Its time is over; no answer where it was changed meanwhile."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Delete:
    """So long after it expired; no answer where it was retained meanwhile."""

    at: datetime


Command = Receive | Admit | Discard | Retain | Withdraw | Forget | Expire | Delete

LEGAL: Mapping[Status, tuple[str, ...]] = {
    "": (),
    "proposed": (),
    "active": ("retain_entry", "withdraw_entry"),
    "expired": ("retain_entry", "withdraw_entry"),
    "withdrawn": (),
    "discarded": (),
    "deleted": (),
}


def decide(entry: SharedEntry, command: Command) -> list[SharedEntryEvent]:
    match command:
        case Receive():
            return [] if entry.status else [_received(entry, command)]
        case Admit(at):
            return [_admitted(entry, at)] if entry.status == "proposed" else []
        case Discard(at):
            is_open = entry.status == "proposed"
            return [SharedEntryDiscarded(**_now(entry, at))] if is_open else []
        case Retain():
            return [_retained(entry, command)]
        case Withdraw(at, by, reason):
            _check_open(entry)
            return [SharedEntryWithdrawn(**_now(entry, at), by=by, reason=reason)]
        case Forget(at):
            is_here = entry.status in ("proposed", "active", "expired")
            return [SharedEntryDeleted(**_now(entry, at))] if is_here else []
        case Expire(at):
            is_over = entry.status == "active" and _is_past(entry.expires_at, at)
            return [_expired(entry, at)] if is_over else []
        case Delete(at):
            is_over = entry.status == "expired" and _is_past(entry.delete_at, at)
            return [SharedEntryDeleted(**_now(entry, at))] if is_over else []
        case _:
            assert_never(command)


def _received(entry: SharedEntry, command: Receive) -> SharedEntryReceived:
    return SharedEntryReceived(
        entry_id=entry.id,
        at=command.at,
        community=command.community,
        batch_id=command.batch_id,
        issued_by=command.issued_by,
        expires_at=command.expires_at,
        **command.content,
    )


def _admitted(entry: SharedEntry, at: datetime) -> SharedEntryAdmitted:
    assert entry.expires_at
    return SharedEntryAdmitted(**_now(entry, at), expires_at=entry.expires_at)


def _retained(entry: SharedEntry, command: Retain) -> SharedEntryRetained:
    _check_open(entry)
    if entry.was_retained:
        raise Refused("kept_before")
    if _is_past(entry.delete_at, command.at):
        raise Refused("illegal_transition", allowed=("withdraw_entry",))
    assert entry.expires_at and entry.received_at
    longest = entry.expires_at - entry.received_at
    if command.until <= max(entry.expires_at, command.at):
        raise Refused("not_longer", status=422, path="/until")
    if command.until > entry.expires_at + longest:
        raise Refused("beyond_limit", status=422, path="/until", days=longest.days)
    return SharedEntryRetained(
        **_now(entry, command.at), by=command.by, reason=command.reason, expires_at=command.until
    )


def _expired(entry: SharedEntry, at: datetime) -> SharedEntryExpired:
    """However late that is seen, it goes a month after its end."""
    assert entry.expires_at
    return SharedEntryExpired(**_now(entry, at), delete_at=entry.expires_at + DELETED_AFTER)


def _check_open(entry: SharedEntry) -> None:
    if not entry.status:
        raise Refused("not_found", status=404)
    if not LEGAL[entry.status]:
        raise Refused("illegal_transition", allowed=LEGAL[entry.status])


def _is_past(end: datetime | None, at: datetime) -> bool:
    return end is not None and end <= at


def _now(entry: SharedEntry, at: datetime) -> dict[str, Any]:
    return {"entry_id": entry.id, "at": at, "community": entry.community}


def evolve(entry: SharedEntry, event: SharedEntryEvent) -> SharedEntry:
    match event:
        case SharedEntryReceived():
            return replace(
                entry,
                status="proposed",
                batch_id=event.batch_id,
                issued_by=event.issued_by,
                community=event.community,
                received_at=event.at,
                expires_at=event.expires_at,
            )
        case SharedEntryAdmitted():
            return replace(entry, status="active")
        case SharedEntryDiscarded():
            return replace(entry, status="discarded")
        case SharedEntryRetained(expires_at=expires_at):
            return replace(
                entry, status="active", expires_at=expires_at, delete_at=None, was_retained=True
            )
        case SharedEntryWithdrawn():
            return replace(entry, status="withdrawn", delete_at=None)
        case SharedEntryExpired(delete_at=delete_at):
            return replace(entry, status="expired", delete_at=delete_at)
        case SharedEntryDeleted():
            return replace(entry, status="deleted", delete_at=None)
    return entry


def _belongs(entry: SharedEntry) -> Belongings:
    issuer = str(entry.issued_by) if entry.issued_by else None
    return {**place(entry.community), "person": (issuer,)}


SHARED_ENTRY: Decider[SharedEntry, Command, SharedEntryEvent] = Decider(
    name="shared_entry",
    blank=SharedEntry,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(SharedEntry),
    events=(
        SharedEntryReceived,
        SharedEntryAdmitted,
        SharedEntryDiscarded,
        SharedEntryRetained,
        SharedEntryWithdrawn,
        SharedEntryExpired,
        SharedEntryDeleted,
    ),
    shape=2,
    belongs=_belongs,
)
