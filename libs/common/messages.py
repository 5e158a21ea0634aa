"""Events, commands, and the pure behaviour between them: what every room of a service speaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, TypeAdapter

from libs.common.callers import Belongings
from libs.common.ids import quick


class Event(BaseModel):
    """A fact that already happened: past tense, immutable, readable by older consumers.

    Fields named in `sealed` are personal: they are kept encrypted in the owner's journal, never
    published, and are absent (their default) when the event is read again. `parties`: those of
    them that belong to somebody who can be erased alone, and who that is to the record.
    `everybodys`: every service publishes it, so that its own is not all there is to read.
    `buries`: it tells of the death of the message that it follows.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    type: ClassVar[str]
    sealed: ClassVar[frozenset[str]] = frozenset()
    parties: ClassVar[Mapping[str, str]] = {}
    everybodys: ClassVar[bool] = False
    buries: ClassVar[bool] = False
    max_bytes: ClassVar[int] = 64 * 1024

    @property
    def key(self) -> str | None:
        """What orders this event among others in Kafka. None: the aggregate's own id."""
        return None

    @property
    def topic(self) -> str | None:
        """Where it is published. None: the topic of its service."""
        return None

    def published(self) -> str:
        """What others may read of it, as JSON."""
        excluded = set(self.sealed) if self.sealed else None
        return self.__pydantic_serializer__.to_json(self, exclude=excluded).decode()

    @property
    def erases(self) -> Iterable[UUID]:
        """Subjects whose keys are destroyed before this event is stored."""
        return ()


class Refused(Exception):
    """The command breaks a rule.

    `code` is stable and names the text (zh and en) in the service's `texts.yaml`, whose
    placeholders are filled with `values`; `status` is the HTTP answer; `path` a JSON Pointer to
    the field that is to blame; `allowed` the commands that the state would have taken; `errors`
    where and why, if there are several reasons.
    """

    def __init__(
        self,
        code: str,
        *,
        status: int = 409,
        path: str | None = None,
        allowed: Sequence[str] = (),
        errors: Sequence[Mapping[str, str]] = (),
        **values: object,
    ) -> None:
        super().__init__(code)
        self.code, self.status, self.path = code, status, path
        self.allowed, self.errors, self.values = tuple(allowed), tuple(errors), values


def not_found() -> Refused:
    return Refused("not_found", status=404)


class Wait(Exception):
    """Something that this message needs is not known here yet; it is tried again later: for a day,
    or, where a refusal is given, for half a minute. A command is refused at once."""

    def __init__(self, reason: str, *, then: Refused | None = None) -> None:
        super().__init__(reason)
        self.then = then


Address = tuple[str, UUID]
"""An aggregate: the name of its decider, and its id."""

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E", bound=Event)
F = TypeVar("F")


def _nowhere(state: object) -> Belongings:
    return {}


@dataclass(frozen=True, slots=True)
class Decider(Generic[S, C, E]):
    """One kind of aggregate: a blank state and two pure functions. `name` is its table.

    `shape` rises whenever the state class changes, so that rows of an older one are folded anew
    from `events`, all the event classes that `evolve` knows. `belongs`: what a state belongs to,
    which the scope of a caller must hold.
    """

    name: str
    blank: Callable[[UUID], S]
    decide: Callable[[S, C], Sequence[E]]
    evolve: Callable[[S, E], S]
    state: TypeAdapter[S]
    events: tuple[type[E], ...]
    shape: int = 1
    belongs: Callable[[S], Belongings] = _nowhere

    def to(self, id: UUID, command: C, *, expected: int | None = None) -> Instruction:
        """Address a command to one aggregate; refused with 412 if it is not at `expected`."""
        return Instruction(self, quick(id), command, expected)


class Instruction(NamedTuple):
    """A command and the aggregate it is for."""

    decider: Decider[Any, Any, Any]
    id: UUID
    command: Any
    expected: int | None = None

    @property
    def address(self) -> Address:
        return self.decider.name, self.id


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Ask for `TIMERS[name]` at `due_at`; the same (name, id) set again moves it."""

    name: str
    id: UUID
    due_at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CancelTimer:
    name: str
    id: UUID


Effect = Instruction | SetTimer | CancelTimer


class Cause(NamedTuple):
    """Who or what asked: written beside every event that follows."""

    actor: str
    correlation_id: str
    id: UUID
    source: str
    traceparent: str | None = None
    exercise: bool = False


class Envelope(NamedTuple):
    """One event as it stands in a journal or came from Kafka."""

    event: Event
    id: UUID
    source: str
    subject: UUID
    version: int
    key: str
    time: datetime
    cause: Cause


class Context(NamedTuple, Generic[F]):
    """What a policy may know besides its event: facts of other services, the time, the envelope.

    `envelope` is None where no event is at hand (HTTP, timers). `facts_number` names the version
    of the facts, for explanations that are stored.
    """

    facts: F
    now: datetime
    facts_number: int
    envelope: Envelope | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A timer that ran out. `due_at` is the time of what follows, not the moment it was noticed."""

    name: str
    id: UUID
    due_at: datetime
    data: Mapping[str, Any]


Policy = Callable[[Any, Context[Any]], Iterable[Effect]]
"""(event, context) -> effects. Pure. Raises Wait for a fact that has not arrived."""

Policies = Mapping[type[Event], Policy]

Timers = Mapping[str, Callable[[Due, Context[Any]], Iterable[Effect]]]
