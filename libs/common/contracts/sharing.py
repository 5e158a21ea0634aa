"""What the registry publishes on `civicgrid.registry` of what the police share: that there is
something, until when and by which document. About whom, and why, is sealed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from libs.common.contracts.values import Code, Digest, Term
from libs.common.messages import Event


class SharedBatchEvent(Event):
    batch_id: UUID
    at: datetime
    community: Code | None = None

    @property
    def key(self) -> str | None:
        return self.community


class SharedBatchSubmitted(SharedBatchEvent):
    """It waits for a second person. `document`: its number, digits alone; `basis`: of the register;
    `issued_by`, `submitted_by`: persons as the registry knows them; `content`: an id that is the
    same for the same content, and tells nobody what that is; `thumbprint`: of what signed it
    (RFC 7638)."""

    type: ClassVar[str] = "shared_batch.submitted.v1"
    sealed: ClassVar[frozenset[str]] = frozenset({"category", "purpose"})
    source: Code
    document: Code
    basis: Term
    expires_at: datetime
    issued_by: UUID
    submitted_by: UUID
    content: UUID | None = None
    thumbprint: Digest | None = None
    entries: tuple[UUID, ...]
    category: str | None = None
    purpose: str | None = None


class SharedBatchRefused(SharedBatchEvent):
    """Nothing else of it is kept. `reasons`: each a path and a code, such as `basis:required`."""

    type: ClassVar[str] = "shared_batch.refused.v1"
    reasons: tuple[Code, ...]


class SharedBatchApproved(SharedBatchEvent):
    """By somebody else than who submitted it: its entries are in force."""

    type: ClassVar[str] = "shared_batch.approved.v1"
    approved_by: UUID
    entries: tuple[UUID, ...]


class SharedBatchRejected(SharedBatchEvent):
    type: ClassVar[str] = "shared_batch.rejected.v1"
    rejected_by: UUID
    reason: Term
    entries: tuple[UUID, ...]


class SharedBatchLapsed(SharedBatchEvent):
    """Rejected by time: nobody decided before its own was over."""

    type: ClassVar[str] = "shared_batch.lapsed.v1"
    entries: tuple[UUID, ...]


class SharedEntryEvent(Event):
    entry_id: UUID
    at: datetime
    community: Code

    @property
    def key(self) -> str | None:
        return self.community


class SharedEntryReceived(SharedEntryEvent):
    """With its batch, which waits to be approved; what it says is sealed."""

    type: ClassVar[str] = "shared_entry.received.v1"
    sealed: ClassVar[frozenset[str]] = frozenset(
        {"purpose", "category", "cell", "name", "identity", "address", "born", "guardian"}
        | {"statement"}
    )
    batch_id: UUID
    issued_by: UUID | None = None
    expires_at: datetime
    purpose: str | None = None
    category: str | None = None
    cell: str | None = None
    name: str | None = None
    identity: str | None = None
    address: str | None = None
    born: date | None = None
    guardian: str | None = None
    statement: dict[str, Any] | None = None


class SharedEntryAdmitted(SharedEntryEvent):
    type: ClassVar[str] = "shared_entry.admitted.v1"
    expires_at: datetime


class SharedEntryDiscarded(SharedEntryEvent):
    """Its batch was rejected: what it said goes."""

    type: ClassVar[str] = "shared_entry.discarded.v1"


class SharedEntryRetained(SharedEntryEvent):
    """In force once more, as `by` says; only once."""

    type: ClassVar[str] = "shared_entry.retained.v1"
    by: UUID
    reason: Term
    expires_at: datetime


class SharedEntryWithdrawn(SharedEntryEvent):
    """By who issued it, or who answers for the place: what it said goes."""

    type: ClassVar[str] = "shared_entry.withdrawn.v1"
    by: UUID
    reason: Term


class SharedEntryExpired(SharedEntryEvent):
    """Nobody sees it; what it said goes at `delete_at`, unless it is retained."""

    type: ClassVar[str] = "shared_entry.expired.v1"
    delete_at: datetime


class SharedEntryDeleted(SharedEntryEvent):
    """Its month was over, or its subject was erased on request: what it said goes."""

    type: ClassVar[str] = "shared_entry.deleted.v1"
