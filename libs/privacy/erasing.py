"""A subject is erased: every service destroys the keys, keeps that in its journal, and says so."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from libs.common.contracts.registry import SubjectErased
from libs.common.erasures import ERASURE, Confirm, erasure_id
from libs.common.journal import party_of
from libs.common.messages import Context, Effect, Instruction, Policies

PARTIES = ("reporter",)
"""Who can be erased alone of a record: those that events name in `parties`."""


def subjects_of(record: UUID, party: str | None) -> tuple[UUID, ...]:
    """Whose keys go: those of one party, or of the record with all of its parties."""
    if party:
        return (party_of(record, party),)
    return (record, *(party_of(record, one) for one in PARTIES))


def confirmed(
    service: str, subject: UUID, subjects: tuple[UUID, ...], now: datetime
) -> Instruction:
    """Their keys are destroyed, and this service says that it reads nothing of them any more."""
    return ERASURE.to(erasure_id(subject), Confirm(now, service, subject, subjects))


def policies(service: str) -> Policies:
    """What each service does about it."""

    def on_subject_erased(event: SubjectErased, context: Context[object]) -> Iterable[Effect]:
        yield confirmed(service, event.subject_ref, event.subjects, context.now)

    return {SubjectErased: on_subject_erased}
