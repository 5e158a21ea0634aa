"""What the writer is given, and what came of it. HTTP, Kafka, timers and sweeps all bring works."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from libs.common.audit import Entry
from libs.common.callers import Scope
from libs.common.messages import Cause, Context, Effect, Envelope, Refused

Plan = Callable[[Context[Any]], Iterable[Effect]]
"""Pure; called anew at each attempt."""


def refusing(refusal: Refused) -> Plan:
    """The plan of what is refused already: nothing of it is stored but its row of audit."""

    def plan(context: Context[Any]) -> Iterable[Effect]:
        raise refusal

    return plan


class Message(NamedTuple):
    """Known again when it comes twice: an id is unique within its source."""

    id: UUID
    source: str


class Recorded(Protocol):
    """A record of Kafka, whether it comes from there or was kept. `timestamp`: milliseconds since
    1970."""

    @property
    def topic(self) -> str: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...
    @property
    def value(self) -> bytes | None: ...


INTAKE, RECEIPTS = "civicgrid.intake.", "civicgrid.receipts."
"""Topics that begin so are written by outside sources, and their answers go to these."""


class Letter(NamedTuple):
    """A record as it came, to keep it if it cannot be handled, or not yet. A timer that ran out
    is one too; it has no partition."""

    topic: str
    partition: int | None
    offset: int | None
    timestamp: int
    key: bytes | None
    headers: Sequence[tuple[str, bytes]]
    value: bytes | None

    @property
    def is_outside(self) -> bool:
        """Whether an outside source wrote it: nobody knows what it holds."""
        return self.topic.startswith(INTAKE)


class Place(NamedTuple):
    """Where a record stands in Kafka. `begin`: where this process stood before the records that
    came with it; `end`: where it stands once this one is done, just after the record `last`."""

    topic: str
    partition: int
    begin: int
    offset: int
    end: int
    last: Recorded


@dataclass(frozen=True, slots=True)
class Request:
    """What HTTP asked: the same key with the same digest gets the first answer again. What is
    outside `scope` does not exist for who asks. `source`: the account, and the route. `is_told`:
    the key is one that the client told beside what it asks, and says nothing of what that is."""

    source: str
    key: str
    digest: bytes
    status: int
    answer: Callable[[Sequence[Envelope]], Mapping[str, Any]]
    scope: Scope
    is_told: bool = False

    @property
    def route(self) -> str:
        return route_of(self.source)


def route_of(source: str) -> str:
    """Of a request: without the account."""
    return source.partition(" ")[2]


@dataclass(frozen=True, slots=True)
class Fired:
    """The row of a timer that ran out; it must still stand."""

    name: str
    id: UUID
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Waited:
    """How often a message was tried, and since when, because a fact is missing."""

    attempts: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Done:
    events: Sequence[Envelope]


@dataclass(frozen=True, slots=True)
class Answered:
    """`first` is False where the answer is that of an earlier request with the same key."""

    status: int
    body: Mapping[str, Any]
    first: bool


class Handled:
    """This message had been handled before, or its timer stands no more."""


class Waiting:
    """A fact is missing; a timer brings the message again."""


@dataclass(frozen=True, slots=True)
class Dead:
    """A dead letter, with this reason."""

    stage: str
    reason: str


class Fenced:
    """Another process is ahead in this partition."""


Result = Done | Answered | Handled | Waiting | Dead | Fenced | Refused


@dataclass(slots=True)
class Work:
    """One message and what to do about it: all of its effects take place, or none.

    `message` goes into the inbox; `takes_over` lets it follow a `waiting` or `dead` one.
    `envelope` feeds the projections. `letter` is what becomes a dead letter; a work without one
    (HTTP) is refused instead. `dead` says why it is one before any attempt; `buried` what follows
    from its becoming one (a receipt). `entry`: a row of audit tells what came of it.
    """

    plan: Plan
    cause: Cause
    message: Message | None = None
    takes_over: bool = False
    envelope: Envelope | None = None
    place: Place | None = None
    letter: Letter | None = None
    request: Request | None = None
    entry: Entry | None = None
    fired: Fired | None = None
    waited: Waited | None = None
    dead: Dead | None = None
    buried: Callable[[Dead], Iterable[Effect]] | None = None
    result: Result | None = None
