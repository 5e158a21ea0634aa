"""What the police share: in by two persons, read for its purpose, out again by itself (rows R14,
R15, P3, P8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from libs.city import City
from libs.common.contracts.sharing import (
    SharedBatchApproved,
    SharedBatchEvent,
    SharedBatchLapsed,
    SharedBatchRejected,
    SharedEntryDeleted,
    SharedEntryDiscarded,
    SharedEntryEvent,
    SharedEntryWithdrawn,
)
from libs.common.ids import derived
from libs.common.messages import Context, Effect, Instruction, Policies
from libs.common.sweeping import Sweep
from services.registry import queries
from services.registry.bodies import SharedBatchBody
from services.registry.domain.shared_batch import SHARED_BATCH, Lapse, Papers, Submit
from services.registry.domain.shared_entry import (
    SHARED_ENTRY,
    Admit,
    Delete,
    Discard,
    Expire,
    Receive,
)
from services.registry.domain.subject_request import SUBJECT_REQUEST, LetGo
from services.registry.sharing_faults import Known, found, refused

Now = Context[City]


def submit(
    context: Now, id: UUID, batch: SharedBatchBody, known: Known, content: UUID, thumbprint: str
) -> Iterable[Effect]:
    """A batch in which nothing is wrong, by what is known now, too. The same again changes
    nothing."""
    if faults := found(batch, known._replace(city=context.facts, now=context.now)):
        raise refused(faults)
    assert batch.expires_at and batch.issued_by and batch.area and batch.category and batch.purpose
    assert batch.source and batch.document and batch.basis
    community = context.facts.community_of(batch.area)
    assert community
    papers = Papers(
        *(batch.source, batch.document, batch.basis, community, batch.expires_at),
        *(batch.issued_by, content, thumbprint, batch.category, batch.purpose),
    )
    entries = tuple(derived(id, f"entry {n}") for n in range(len(batch.entries)))
    yield SHARED_BATCH.to(id, Submit(context.now, known.submitter, papers, entries))
    why = {"category": batch.category, "purpose": batch.purpose}
    for entry, body in zip(entries, batch.entries, strict=True):
        says = {**body.model_dump(exclude_none=True), **why}
        told = (context.now, id, batch.issued_by, community, batch.expires_at, says)
        yield SHARED_ENTRY.to(entry, Receive(*told))


def on_approved(event: SharedBatchApproved, context: Now) -> Iterable[Effect]:
    """Each entry says itself from now on what it is of: the batch need not."""
    for entry in event.entries:
        yield SHARED_ENTRY.to(entry, Admit(event.at))
    yield _gone(event)


def on_rejected(event: SharedBatchRejected | SharedBatchLapsed, context: Now) -> Iterable[Effect]:
    """Nothing of it is kept but its papers: the key of those that are sealed goes, too."""
    for entry in event.entries:
        yield SHARED_ENTRY.to(entry, Discard(event.at))
    yield _gone(event)


def _gone(event: SharedBatchEvent) -> Instruction:
    return SUBJECT_REQUEST.to(event.batch_id, LetGo(event.at))


def on_gone(event: SharedEntryEvent, context: Now) -> Iterable[Effect]:
    """What it said is erased; where a legal hold is on it, once that is released."""
    yield SUBJECT_REQUEST.to(event.entry_id, LetGo(event.at))


def lapse(row: Mapping[str, Any], context: Now) -> Iterable[Effect]:
    yield SHARED_BATCH.to(row["id"], Lapse(context.now))


def expire(row: Mapping[str, Any], context: Now) -> Iterable[Effect]:
    yield SHARED_ENTRY.to(row["id"], Expire(context.now))


def delete(row: Mapping[str, Any], context: Now) -> Iterable[Effect]:
    yield SHARED_ENTRY.to(row["id"], Delete(context.now))


POLICIES: Policies = {
    SharedBatchApproved: on_approved,
    SharedBatchRejected: on_rejected,
    SharedBatchLapsed: on_rejected,
    SharedEntryDiscarded: on_gone,
    SharedEntryWithdrawn: on_gone,
    SharedEntryDeleted: on_gone,
}
HALF_A_MINUTE, HOUR = 30.0, 3600.0
SWEEPS = (
    Sweep("sharing", HALF_A_MINUTE, queries.ENTRIES_EXPIRED, expire, asks_time=True),
    Sweep("sharing_lapsed", HOUR, queries.BATCHES_OVER, lapse, asks_time=True),
    Sweep("sharing_over", HOUR, queries.ENTRIES_OVER, delete, asks_time=True),
)
"""A thousand entries at most by each (row Q20): no clock that is put right brings back what was
erased."""
