"""What a lead holds falls due when its period is over, and goes a month later unless somebody keeps
it or a legal hold is on it (rows P8, P9, P24). The lead stays, with ids, type, cell and times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from libs.common.contracts.leads import Ended, RetentionDeleted
from libs.common.erasures import ERASURE, Confirm, erasure_id
from libs.common.messages import Context, Due, Effect, Instruction, Policies, SetTimer, Timers
from libs.common.sweeping import Sweep
from libs.privacy import erasing
from services.leads import queries
from services.leads.domain import RETENTION_REVIEW
from services.leads.domain.retention import FallDue, Keep, Pass, review_of
from services.leads.facts import Facts

ERASE = "erase"
LONGEST: Mapping[Ended, timedelta] = {
    ended: timedelta(days=days) for ended, days in queries.PERIODS.items()
}

Now = Context[Facts]


def fall_due(row: Mapping[str, Any], context: Now) -> Iterable[Effect]:
    """`row`: a lead whose period is over."""
    told = (row["id"], row["community"], row["cell"], row["status"], row["changed_at"])
    yield RETENTION_REVIEW.to(review_of(row["id"]), FallDue(context.now, *told))


def keep(context: Now, id: UUID, until: datetime, reason: str, version: int | None) -> Instruction:
    return RETENTION_REVIEW.to(id, Keep(context.now, until, reason, LONGEST), expected=version)


def on_deleted(event: RetentionDeleted, context: Now) -> Iterable[Effect]:
    """Not at once: keys go before a batch is stored, and this one may yet be decided otherwise."""
    subjects = [str(subject) for subject in event.subjects]
    data = {"record": str(event.record), "subjects": subjects}
    yield SetTimer(ERASE, event.review_id, context.now, data)


def erase(due: Due, context: Now) -> Iterable[Effect]:
    """Its keys are destroyed, and again when a backup of them comes back."""
    subjects = tuple(UUID(subject) for subject in due.data["subjects"])
    erased = Confirm(context.now, "leads", UUID(due.data["record"]), subjects)
    yield ERASURE.to(erasure_id(due.id), erased)


def pass_(row: Mapping[str, Any], context: Now) -> Iterable[Effect]:
    """`row`: a review whose time is over; a legal hold, on any of its subjects, stops it."""
    subjects = erasing.subjects_of(row["record"], None)
    if context.facts.held.isdisjoint(subjects):
        yield RETENTION_REVIEW.to(row["id"], Pass(context.now, subjects))


POLICIES: Policies = {RetentionDeleted: on_deleted}
TIMERS: Timers = {ERASE: erase}
HOUR = 3600.0
SWEEPS = (
    Sweep("retention", HOUR, queries.EXPIRED, fall_due, asks_time=True),
    Sweep("retention_over", HOUR, queries.OVER, pass_, asks_time=True),
)
"""A thousand at most of either kind: a clock that is wrong hides and deletes little (row Q20)."""
