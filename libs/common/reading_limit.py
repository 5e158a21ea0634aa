"""Of how many subjects an account may read what nobody is shown without saying what for (row P25).

What it saw is in the rows of audit, and nowhere else. That it wanted more is told once an hour: an
aggregate of each account, so that whoever dies before it is told leaves it to the next read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from libs.common.audit import Entry
from libs.common.contracts.privacy import ReadingLimitReached
from libs.common.ids import derived
from libs.common.messages import Decider, Instruction

SUBJECTS = 20
HOUR = timedelta(hours=1)
PAUSE = "SELECT reading_pause($1, $2, $3, $4)"


@dataclass(frozen=True, slots=True)
class ReadingLimit:
    """`told_at`: None while nobody was told of this account."""

    id: UUID
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """By `action`, a read of `service`."""

    at: datetime
    account: UUID
    service: str
    action: str


def decide(limit: ReadingLimit, command: Reach) -> list[ReadingLimitReached]:
    if limit.told_at and command.at - limit.told_at < HOUR:
        return []
    return [
        ReadingLimitReached(
            limit_id=limit.id,
            account_id=command.account,
            service=command.service,
            action=command.action,
            count=SUBJECTS,
            at=command.at,
        )
    ]


def evolve(limit: ReadingLimit, event: ReadingLimitReached) -> ReadingLimit:
    return ReadingLimit(limit.id, event.at)


READING_LIMIT: Decider[ReadingLimit, Reach, ReadingLimitReached] = Decider(
    name="reading_limit",
    blank=ReadingLimit,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(ReadingLimit),
    events=(ReadingLimitReached,),
)


def limit_id(account: UUID) -> UUID:
    """Not the id of the account itself, which is that of another aggregate."""
    return derived(account, "reading_limit")


def reached(at: datetime, service: str, entry: Entry) -> Instruction:
    """`entry`: of the read that is one too many."""
    account = UUID(entry.actor)
    return READING_LIMIT.to(limit_id(account), Reach(at, account, service, entry.action))


async def pause(
    connection: asyncpg.Connection[Any], entry: Entry, counted: Sequence[str]
) -> int | None:
    """Seconds until this read may show its case; None: it may now, if its row of audit is stored in
    the same transaction. `counted`: names of the reads that count together."""
    told = (entry.actor, entry.case_id, counted, SUBJECTS)
    seconds: int | None = await connection.fetchval(PAUSE, *told)
    return seconds
