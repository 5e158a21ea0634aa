"""Subjects that were erased stay so: each service has them in its own journal, and destroys their
keys again whatever backup of the keys comes back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.contracts.privacy import SubjectErasureConfirmed
from libs.common.ids import derived
from libs.common.messages import Decider

if TYPE_CHECKING:
    from libs.common.journal import Connection
    from libs.common.keys import Keys


@dataclass(frozen=True, slots=True)
class Erasure:
    id: UUID
    subjects: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Confirm:
    at: datetime
    service: str
    subject: UUID
    subjects: tuple[UUID, ...]


def decide(erasure: Erasure, command: Confirm) -> list[SubjectErasureConfirmed]:
    told = SubjectErasureConfirmed(
        subject_ref=command.subject,
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


def erasure_id(subject: UUID) -> UUID:
    """Not the id of the subject itself, which is that of another aggregate."""
    return derived(subject, "erasure")


KNOWN = "SELECT jsonb_array_elements_text(state -> 'subjects') AS subject FROM erasure"


async def again(connection: Connection, keys: Keys) -> int:
    """Destroy the keys of all that this service knows to be erased; how many there are."""
    known = [UUID(row["subject"]) for row in await connection.fetch(KNOWN)]
    await keys.erase(known)
    return len(known)
