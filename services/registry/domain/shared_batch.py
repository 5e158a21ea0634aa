"""What the police share, as it comes: a batch, which a second person lets in (rows R14, P3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, assert_never
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.callers import Belongings
from libs.common.contracts.sharing import (
    SharedBatchApproved,
    SharedBatchEvent,
    SharedBatchLapsed,
    SharedBatchRefused,
    SharedBatchRejected,
    SharedBatchSubmitted,
)
from libs.common.messages import Decider, Refused

BatchStatus = Literal["refused", "submitted", "approved", "rejected"]
Status = Literal["", BatchStatus]


@dataclass(frozen=True, slots=True)
class Papers:
    """What a batch shows for itself; `category` and `purpose` are kept sealed. `content`: an id
    that is the same for the same content, and tells nobody what that is; `thumbprint`: of the key
    of its source (RFC 7638)."""

    source: str
    document: str
    basis: str
    community: str
    expires_at: datetime
    issued_by: UUID
    content: UUID
    thumbprint: str
    category: str
    purpose: str


@dataclass(frozen=True, slots=True)
class SharedBatch:
    """`reasons`: why it was refused, if it was; it may come again. `decided_by`: nobody, where its
    time ran out first."""

    id: UUID
    status: Status = ""
    source: str | None = None
    document: str | None = None
    basis: str | None = None
    community: str | None = None
    expires_at: datetime | None = None
    issued_by: UUID | None = None
    content: UUID | None = None
    thumbprint: str | None = None
    submitted_by: UUID | None = None
    decided_by: UUID | None = None
    entries: tuple[UUID, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Submit:
    at: datetime
    by: UUID
    papers: Papers
    entries: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Refuse:
    """`community`: where it was for, if that is known."""

    at: datetime
    community: str | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Approve:
    at: datetime
    by: UUID


@dataclass(frozen=True, slots=True)
class Reject:
    at: datetime
    by: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class Lapse:
    """Nobody decided in time; no answer where somebody did meanwhile."""

    at: datetime


Decision = Approve | Reject
Command = Submit | Refuse | Decision | Lapse

LEGAL: Mapping[Status, tuple[str, ...]] = {
    "": ("submit_batch",),
    "refused": ("submit_batch",),
    "submitted": ("approve_batch", "reject_batch"),
    "approved": (),
    "rejected": (),
}


def decide(batch: SharedBatch, command: Command) -> list[SharedBatchEvent]:
    match command:
        case Submit():
            return _submit(batch, command)
        case Refuse(at, community, reasons):
            told = SharedBatchRefused(
                batch_id=batch.id, at=at, community=community, reasons=reasons
            )
            return [told] if batch.status in ("", "refused") and batch.reasons != reasons else []
        case Approve() | Reject():
            return [_decided(batch, command)]
        case Lapse(at):
            is_over = batch.status == "submitted" and batch.expires_at and batch.expires_at <= at
            return [_lapsed(batch, at)] if is_over else []
        case _:
            assert_never(command)


def _submit(batch: SharedBatch, command: Submit) -> list[SharedBatchEvent]:
    """The same once more changes nothing, however it is written."""
    if batch.status in ("", "refused"):
        return [_submitted(batch, command)]
    if batch.content != command.papers.content:
        raise Refused("other_content", path="/document")
    return []


def _submitted(batch: SharedBatch, command: Submit) -> SharedBatchSubmitted:
    told = {name: getattr(command.papers, name) for name in Papers.__slots__}
    return SharedBatchSubmitted(
        batch_id=batch.id, at=command.at, submitted_by=command.by, entries=command.entries, **told
    )


def _decided(batch: SharedBatch, command: Decision) -> SharedBatchEvent:
    if not batch.status:
        raise Refused("not_found", status=404)
    if batch.status != "submitted":
        raise Refused("illegal_transition", allowed=LEGAL[batch.status])
    if command.by in (batch.submitted_by, batch.issued_by):
        raise Refused("second_person_required")
    match command:
        case Approve(at, by):
            assert batch.expires_at
            if batch.expires_at <= at:
                raise Refused("batch_is_over", allowed=("reject_batch",))
            return SharedBatchApproved(**_now(batch, at), approved_by=by, entries=batch.entries)
        case Reject(at, by, reason):
            now = _now(batch, at)
            return SharedBatchRejected(**now, rejected_by=by, reason=reason, entries=batch.entries)
        case _:
            assert_never(command)


def _lapsed(batch: SharedBatch, at: datetime) -> SharedBatchLapsed:
    return SharedBatchLapsed(**_now(batch, at), entries=batch.entries)


def _now(batch: SharedBatch, at: datetime) -> dict[str, Any]:
    return {"batch_id": batch.id, "at": at, "community": batch.community}


def evolve(batch: SharedBatch, event: SharedBatchEvent) -> SharedBatch:
    match event:
        case SharedBatchSubmitted():
            return replace(
                batch,
                status="submitted",
                source=event.source,
                document=event.document,
                basis=event.basis,
                community=event.community,
                expires_at=event.expires_at,
                issued_by=event.issued_by,
                content=event.content,
                thumbprint=event.thumbprint,
                submitted_by=event.submitted_by,
                entries=event.entries,
                reasons=(),
            )
        case SharedBatchRefused(community=community, reasons=reasons):
            return replace(batch, status="refused", community=community, reasons=reasons)
        case SharedBatchApproved(approved_by=by):
            return replace(batch, status="approved", decided_by=by)
        case SharedBatchRejected(rejected_by=by):
            return replace(batch, status="rejected", decided_by=by)
        case SharedBatchLapsed():
            return replace(batch, status="rejected")
    return batch


def place(community: str | None) -> Belongings:
    """As a cell, of who holds a post of exactly this community."""
    return {"community": (community,), "cell": (community,)}


def _belongs(batch: SharedBatch) -> Belongings:
    issuer = str(batch.issued_by) if batch.issued_by else None
    return {**place(batch.community), "person": (issuer,)}


SHARED_BATCH: Decider[SharedBatch, Command, SharedBatchEvent] = Decider(
    name="shared_batch",
    blank=SharedBatch,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(SharedBatch),
    events=(
        SharedBatchSubmitted,
        SharedBatchRefused,
        SharedBatchApproved,
        SharedBatchRejected,
        SharedBatchLapsed,
    ),
    shape=2,
    belongs=_belongs,
)
