"""What follows once somebody is to be erased: every service confirms within a day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from libs.city import City
from libs.common.contracts.privacy import SubjectErasureConfirmed
from libs.common.contracts.registry import (
    SubjectAffected,
    SubjectErased,
    SubjectRequestConfirmed,
)
from libs.common.ids import is_own
from libs.common.messages import (
    CancelTimer,
    Context,
    Due,
    Effect,
    Instruction,
    Policies,
    Refused,
    SetTimer,
    Timers,
)
from libs.privacy import erasing
from services.registry.domain.shared_entry import SHARED_ENTRY, Forget
from services.registry.domain.subject_request import (
    SUBJECT_REQUEST,
    Affect,
    Confirm,
    FallOverdue,
    File,
    FindErased,
)

CONFIRMATIONS, ERASE = "confirmations", "erase"
WITHIN = timedelta(hours=24)
"""Row P9 of the requirements."""

Now = Context[City]


def file_request(context: Now, record: UUID, party: str | None, had_content: bool) -> Instruction:
    """Of a record as a whole, or of one party of it, who is known by a reference of their own. What
    is the city's own is nobody's (`ids.own`)."""
    if record.version not in (7, 8) or is_own(record):
        raise Refused("invalid_id", status=422, path="/record")
    subjects = erasing.subjects_of(record, party)
    told = File(context.now, subjects, record if party else None, had_content)
    return SUBJECT_REQUEST.to(subjects[0], told)


def on_subject_erased(event: SubjectErased, context: Now) -> Iterable[Effect]:
    """Refused where a legal hold is on its record, or on a party of it. Keys are not destroyed at
    once: that goes before a batch is stored, and this one may yet be decided otherwise."""
    yield SHARED_ENTRY.to(event.subject_ref, Forget(event.at))
    affected = {*event.subjects, *([event.record] if event.record else ())} - {event.subject_ref}
    for subject in sorted(affected, key=str):
        goes = subject in event.subjects
        yield SUBJECT_REQUEST.to(subject, Affect(event.at, event.subject_ref, goes))
    yield SetTimer(CONFIRMATIONS, event.subject_ref, context.now + WITHIN)
    data = {"subjects": [str(subject) for subject in event.subjects]}
    yield SetTimer(ERASE, event.subject_ref, context.now, data)


def erase(due: Due, context: Now) -> Iterable[Effect]:
    subjects = tuple(UUID(subject) for subject in due.data["subjects"])
    yield erasing.confirmed("registry", due.id, subjects, context.now)


def on_confirmed(event: SubjectErasureConfirmed, context: Now) -> Iterable[Effect]:
    """By any service, this one among them, and whoever decided it: leads erase by themselves what a
    lead holds when its time is over."""
    yield SUBJECT_REQUEST.to(event.subject_ref, Confirm(context.now, event.service))
    for subject in event.subjects:
        yield SUBJECT_REQUEST.to(subject, FindErased(context.now))


def on_request_confirmed(event: SubjectRequestConfirmed, context: Now) -> Iterable[Effect]:
    if not event.missing:
        yield CancelTimer(CONFIRMATIONS, event.subject_ref)


def on_affected(event: SubjectAffected, context: Now) -> Iterable[Effect]:
    """A party of what was erased goes with it; what goes by itself is erased here."""
    if event.erased == event.subject_ref:
        data = {"subjects": [str(event.subject_ref)]}
        yield SetTimer(ERASE, event.subject_ref, context.now, data)


def day_is_over(due: Due, context: Now) -> Iterable[Effect]:
    yield SUBJECT_REQUEST.to(due.id, FallOverdue(due.due_at))


POLICIES: Policies = {
    SubjectErased: on_subject_erased,
    SubjectAffected: on_affected,
    SubjectErasureConfirmed: on_confirmed,
    SubjectRequestConfirmed: on_request_confirmed,
}
TIMERS: Timers = {CONFIRMATIONS: day_is_over, ERASE: erase}
