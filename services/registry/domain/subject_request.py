"""What somebody asked about what is held of them: to erase it. States: registry.md, section 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, assert_never
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.contracts.registry import (
    SubjectAffected,
    SubjectDeferred,
    SubjectErased,
    SubjectEvent,
    SubjectFoundErased,
    SubjectHeld,
    SubjectReleased,
    SubjectRequestConfirmed,
    SubjectRequestDecided,
    SubjectRequestFellOverdue,
    SubjectRequestFiled,
)
from libs.common.messages import Decider, Refused

RequestStatus = Literal["filed", "refused", "granted", "carried_out", "confirmed"]
Status = Literal["", RequestStatus]

CONFIRMING = ("alerts", "leads", "mediation", "portal", "registry", "scoring")
"""Services that must say that they can read nothing more."""


@dataclass(frozen=True, slots=True)
class SubjectRequest:
    """One for each subject. `status` is empty while nothing was asked; `ground`: of a legal hold,
    which may be there before anything is asked; `held_at`: when it was laid on, or somebody said
    that it is needed still; `record`: that of which it is a party, where this was asked about;
    `had_content`: whether there was anything to erase or hold, when that was asked;
    `is_deferred`: whether it goes as soon as its legal hold is released; `erased_at`: when it was
    decided that it goes, or heard that it is gone: a legal hold that stands then came too late."""

    id: UUID
    status: Status = ""
    subjects: tuple[UUID, ...] = ()
    record: UUID | None = None
    ground: str | None = None
    held_at: datetime | None = None
    reason: str | None = None
    had_content: bool | None = None
    missing: tuple[str, ...] = ()
    overdue: bool = False
    is_deferred: bool = False
    erased_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class File:
    at: datetime
    subjects: tuple[UUID, ...]
    record: UUID | None
    had_content: bool


@dataclass(frozen=True, slots=True)
class Decide:
    at: datetime
    granted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class CarryOut:
    at: datetime
    had_content: bool


@dataclass(frozen=True, slots=True)
class Affect:
    """Its record, or a party of it, is erased. `goes`: whether it is erased with it."""

    at: datetime
    erased: UUID
    goes: bool


@dataclass(frozen=True, slots=True)
class LetGo:
    """What it said is over: it goes, once no legal hold is on it. No answer where it waits for
    that already, or goes."""

    at: datetime


@dataclass(frozen=True, slots=True)
class FindErased:
    """Its keys are destroyed, whoever decided that; no answer where that is known."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """With the same ground: it was reviewed, and is needed still (row P24: each year). Refused once
    it was decided that it goes."""

    at: datetime
    ground: str
    had_content: bool


@dataclass(frozen=True, slots=True)
class Release:
    at: datetime


@dataclass(frozen=True, slots=True)
class Confirm:
    """No answer where it was confirmed before."""

    at: datetime
    service: str


@dataclass(frozen=True, slots=True)
class FallOverdue:
    at: datetime


Step = File | Decide | CarryOut
Command = Step | Affect | LetGo | FindErased | Hold | Release | Confirm | FallOverdue

LEGAL: Mapping[Status, Mapping[type[Any], str]] = {
    "": {File: "file_request"},
    "filed": {Decide: "decide_request"},
    "refused": {File: "file_request"},
    "granted": {CarryOut: "carry_out"},
    "carried_out": {},
    "confirmed": {},
}


def decide(request: SubjectRequest, command: Command) -> list[SubjectEvent]:
    match command:
        case Hold():
            return [_held(request, command)]
        case Affect(at, erased, goes):
            _check_hold(request)
            return [SubjectAffected(subject_ref=request.id, at=at, erased=erased, goes=goes)]
        case FindErased(at):
            found = SubjectFoundErased(subject_ref=request.id, at=at)
            return [] if request.erased_at else [found]
        case LetGo(at):
            return _let_go(request, at)
        case Release(at):
            return _released(request, at) if request.ground else []
        case Confirm(at, service):
            return _confirmed(request, at, service)
        case FallOverdue(at):
            late = SubjectRequestFellOverdue(subject_ref=request.id, at=at, missing=request.missing)
            return [late] if request.missing and not request.overdue else []
    legal = LEGAL[request.status]
    if type(command) not in legal:
        raise Refused("illegal_transition", allowed=tuple(sorted(legal.values())))
    return [_step(request, command)]


def _held(request: SubjectRequest, command: Hold) -> SubjectHeld:
    if request.erased_at:
        raise Refused("hold_too_late")
    return SubjectHeld(
        subject_ref=request.id,
        at=command.at,
        ground=command.ground,
        had_content=command.had_content,
    )


def _let_go(request: SubjectRequest, at: datetime) -> list[SubjectEvent]:
    if request.is_deferred or request.erased_at:
        return []
    if request.ground:
        return [SubjectDeferred(subject_ref=request.id, at=at)]
    return [_goes(request, at)]


def _released(request: SubjectRequest, at: datetime) -> list[SubjectEvent]:
    released = SubjectReleased(subject_ref=request.id, at=at)
    return [released, _goes(request, at)] if request.is_deferred else [released]


def _goes(request: SubjectRequest, at: datetime) -> SubjectAffected:
    return SubjectAffected(subject_ref=request.id, at=at, erased=request.id, goes=True)


def _step(request: SubjectRequest, command: Step) -> SubjectEvent:
    """One legal step; the state takes this command."""
    match command:
        case File(at, subjects, record, had_content):
            return SubjectRequestFiled(
                subject_ref=request.id,
                at=at,
                subjects=subjects,
                record=record,
                had_content=had_content,
            )
        case Decide(at, granted, reason):
            return SubjectRequestDecided(
                subject_ref=request.id, at=at, granted=granted, reason=reason
            )
        case CarryOut(at, had_content):
            _check_hold(request)
            return SubjectErased(
                subject_ref=request.id,
                at=at,
                subjects=request.subjects,
                record=request.record,
                had_content=had_content,
            )
        case _:
            assert_never(command)


def _check_hold(request: SubjectRequest) -> None:
    if request.ground:
        raise Refused("legal_hold", ground=request.ground)


def _confirmed(request: SubjectRequest, at: datetime, service: str) -> list[SubjectEvent]:
    if service not in request.missing:
        return []
    missing = tuple(one for one in request.missing if one != service)
    return [
        SubjectRequestConfirmed(subject_ref=request.id, at=at, service=service, missing=missing)
    ]


def evolve(request: SubjectRequest, event: SubjectEvent) -> SubjectRequest:
    match event:
        case SubjectRequestFiled():
            return replace(
                request,
                status="filed",
                subjects=event.subjects,
                record=event.record,
                had_content=event.had_content,
                reason=None,
            )
        case SubjectRequestDecided(granted=granted, reason=reason):
            return replace(request, status="granted" if granted else "refused", reason=reason)
        case SubjectErased(at=at, had_content=had_content):
            return replace(
                request,
                status="carried_out",
                missing=CONFIRMING,
                had_content=had_content,
                erased_at=at,
            )
        case SubjectAffected(at=at, erased=erased, goes=goes) if goes or erased == request.id:
            return replace(request, erased_at=at)
        case SubjectFoundErased(at=at):
            return replace(request, erased_at=at)
        case SubjectRequestConfirmed(missing=missing):
            return replace(
                request, status="carried_out" if missing else "confirmed", missing=missing
            )
        case SubjectHeld(at=at, ground=ground, had_content=had_content):
            return replace(request, ground=ground, held_at=at, had_content=had_content)
        case SubjectReleased():
            return replace(request, ground=None, held_at=None, is_deferred=False)
        case SubjectDeferred():
            return replace(request, is_deferred=True)
        case SubjectRequestFellOverdue():
            return replace(request, overdue=True)
    return request


SUBJECT_REQUEST: Decider[SubjectRequest, Command, SubjectEvent] = Decider(
    name="subject_request",
    blank=SubjectRequest,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(SubjectRequest),
    events=(
        SubjectRequestFiled,
        SubjectRequestDecided,
        SubjectHeld,
        SubjectReleased,
        SubjectErased,
        SubjectAffected,
        SubjectFoundErased,
        SubjectDeferred,
        SubjectRequestConfirmed,
        SubjectRequestFellOverdue,
    ),
    shape=5,
)
