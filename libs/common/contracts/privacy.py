"""What every service publishes on its own topic about subjects that were erased."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from libs.common.contracts.values import Term
from libs.common.messages import Event


class SubjectErasureConfirmed(Event):
    """`service` can read nothing of them any more, nor can anybody else."""

    type: ClassVar[str] = "subject_erasure.confirmed.v1"
    everybodys: ClassVar[bool] = True
    subject_ref: UUID
    subjects: tuple[UUID, ...]
    service: Term
    at: datetime

    @property
    def erases(self) -> Iterable[UUID]:
        return self.subjects
