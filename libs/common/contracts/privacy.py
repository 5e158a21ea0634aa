"""What every service publishes on its own topic about what is personal: that subjects were erased,
and that an account reads of too many."""

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


class ReadingLimitReached(Event):
    """`account_id` has seen within an hour what `count` subjects say, as many as it may, and asked
    `service` for another by `action`: it was not shown."""

    type: ClassVar[str] = "reading_limit.reached.v1"
    everybodys: ClassVar[bool] = True
    limit_id: UUID
    account_id: UUID
    service: Term
    action: Term
    count: int
    at: datetime
