"""What follows once somebody is to be erased: every service confirms within a day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from libs.city import City
from libs.common.contracts.privacy import SubjectErasureConfirmed
from libs.common.contracts.registry import SubjectErased, SubjectRequestConfirmed
from libs.common.messages import (
    CancelTimer,
    Context,
    Due,
    Effect,
    Instruction,
    Policies,
    SetTimer,
    Timers,
)
from libs.privacy import erasing
from services.registry.domain.subject_request import SUBJECT_REQUEST, Confirm, FallOverdue, File

CONFIRMATIONS = "confirmations"
WITHIN = timedelta(hours=24)
"""Row P9 of the requirements."""

Now = Context[City]


def file_request(context: Now, record: UUID, party: str | None) -> Instruction:
    """Of a record as a whole, or of one party of it, who is known by a reference of their own."""
    subjects = erasing.subjects_of(record, party)
    return SUBJECT_REQUEST.to(subjects[0], File(context.now, subjects))


def on_subject_erased(event: SubjectErased, context: Now) -> Iterable[Effect]:
    yield SetTimer(CONFIRMATIONS, event.subject_ref, context.now + WITHIN)
    yield from erasing.policies("registry")[SubjectErased](event, context)


def on_confirmed(event: SubjectErasureConfirmed, context: Now) -> Iterable[Effect]:
    """By any service, this one among them."""
    yield SUBJECT_REQUEST.to(event.subject_ref, Confirm(context.now, event.service))


def on_request_confirmed(event: SubjectRequestConfirmed, context: Now) -> Iterable[Effect]:
    if not event.missing:
        yield CancelTimer(CONFIRMATIONS, event.subject_ref)


def day_is_over(due: Due, context: Now) -> Iterable[Effect]:
    yield SUBJECT_REQUEST.to(due.id, FallOverdue(due.due_at))


POLICIES: Policies = {
    SubjectErased: on_subject_erased,
    SubjectErasureConfirmed: on_confirmed,
    SubjectRequestConfirmed: on_request_confirmed,
}
TIMERS: Timers = {CONFIRMATIONS: day_is_over}
