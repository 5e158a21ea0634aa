"""A subject is erased: every service destroys the keys, keeps that in its journal, and says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.contracts.privacy import SubjectErasureConfirmed
from libs.common.contracts.registry import SubjectErased
from libs.common.journal import party_of
from libs.common.messages import Context, Decider, Effect, Policies

PARTIES = ("reporter",)
"""Who can be erased alone of a record: those that events name in `parties`."""


def subjects_of(record: UUID, party: str | None) -> tuple[UUID, ...]:
    """Whose keys go: those of one party, or of the record with all of its parties."""
    if party:
        return (party_of(record, party),)
    return (record, *(party_of(record, one) for one in PARTIES))


@dataclass(frozen=True, slots=True)
class Erasure:
    id: UUID
    subjects: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Confirm:
    at: datetime
    service: str
    subjects: tuple[UUID, ...]


def decide(erasure: Erasure, command: Confirm) -> list[SubjectErasureConfirmed]:
    told = SubjectErasureConfirmed(
        subject_ref=erasure.id,
        subjects=command.subjects,
        service=command.service,
        at=command.at,
    )
    return [] if erasure.subjects == command.subjects else [told]


def evolve(erasure: Erasure, event: SubjectErasureConfirmed) -> Erasure:
    return Erasure(erasure.id, event.subjects)


ERASURE: Decider[Erasure, Confirm, SubjectErasureConfirmed] = Decider(
    name="erasure",
    blank=Erasure,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(Erasure),
    events=(SubjectErasureConfirmed,),
)


def policies(service: str) -> Policies:
    """What each service does about it."""

    def on_subject_erased(event: SubjectErased, context: Context[object]) -> Iterable[Effect]:
        command = Confirm(context.now, service, event.subjects)
        yield ERASURE.to(event.subject_ref, command)

    return {SubjectErased: on_subject_erased}
