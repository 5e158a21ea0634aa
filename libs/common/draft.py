"""A batch being decided in memory: what it found, what it will store. Nothing here awaits."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.common import dead_letters, journal, timers, waiting
from libs.common.ids import uuid7
from libs.common.journal import Appended, Loaded, Stream
from libs.common.keys import seal
from libs.common.messages import (
    Address,
    CancelTimer,
    Context,
    Decider,
    Effect,
    Envelope,
    Event,
    Instruction,
    Policy,
    Refused,
    SetTimer,
    Wait,
)
from libs.common.projected import Projected
from libs.common.projections import Projection, Rows
from libs.common.statement import Batch
from libs.common.work import (
    Answered,
    Dead,
    Done,
    Fenced,
    Fired,
    Handled,
    Message,
    Place,
    Result,
    Waiting,
    Work,
)

Planned = Sequence[Effect] | Exception
TimerKey = tuple[str, UUID]


@dataclass(frozen=True)
class Rules:
    """What a service does about its own events, and where it publishes them."""

    source: str
    topic: str
    policies: Mapping[type[Event], Policy]
    projections: Mapping[type[Event], Sequence[tuple[Projection, Rows]]]


class Missing(Exception):
    """An aggregate that was not loaded is addressed."""


@dataclass(slots=True)
class Trial:
    """What one work would change; it takes effect as a whole or not at all."""

    streams: dict[Address, Stream] = field(default_factory=dict)
    events: list[Appended] = field(default_factory=list)
    timers: dict[TimerKey, SetTimer | None] = field(default_factory=dict)
    rows: list[tuple[Projection, list[Sequence[Any]]]] = field(default_factory=list)


class Draft:
    def __init__(self, rules: Rules, loaded: Loaded, context: Context[Any]) -> None:
        self._rules, self._loaded, self._context = rules, loaded, context
        self.missing: dict[Address, Decider[Any, Any, Any]] = {}
        self.events: list[Appended] = []
        self._changed: dict[Address, Stream] = {}
        self._timers: dict[TimerKey, SetTimer | None] = {}
        self._fired: dict[TimerKey, Fired] = {}
        self._inbox: dict[Message, str] = {}
        self._answers: dict[tuple[str, str], tuple[Any, ...]] = {}
        self._given: dict[tuple[str, str], tuple[bytes, Answered]] = {}
        self._places: dict[tuple[str, int], Place] = {}
        self._letters: list[Sequence[Any]] = []
        self._projected = Projected()

    def take(self, work: Work, planned: Planned) -> None:
        """Decide this work after those before it; its result is set."""
        work.result = self._known(work)
        if work.result is None:
            try:
                work.result = self._decide(work, planned)
            except Missing:
                return
        if work.place and not isinstance(work.result, Fenced):
            self._move(work.place)

    def _known(self, work: Work) -> Result | None:
        if work.place:
            next = self._next(work.place)
            if work.place.begin > next:
                return Fenced()
            if work.place.offset < next:
                return Handled()
        if work.message and self._is_handled(work.message, work.takes_over):
            return Handled()
        if work.fired and (
            work.fired not in self._loaded.fired
            or (work.fired.name, work.fired.id) in self._fired
        ):
            return Handled()
        return self._answered(work) if work.request else None

    def _next(self, place: Place) -> int:
        return self._loaded.positions.get((place.topic, place.partition), place.begin)

    def _is_handled(self, message: Message, takes_over: bool) -> bool:
        outcome = self._loaded.inbox.get(message)
        return message in self._inbox or (
            outcome is not None and not (takes_over and outcome != "applied")
        )

    def _answered(self, work: Work) -> Result | None:
        assert work.request
        request = work.request
        given = self._given.get((request.source, request.key))
        first = self._loaded.requests.get((request.source, request.key))
        if given:
            digest, answered = given
            same = digest == request.digest
            return replace(answered, first=False) if same else _other_body()
        if first:
            same = first.digest == request.digest.hex()
            return Answered(first.status, first.body, first=False) if same else _other_body()
        return None

    def _decide(self, work: Work, planned: Planned) -> Result:
        try:
            if work.dead:
                return self._bury(work, work.dead)
            if isinstance(planned, Exception):
                raise planned
            trial = self._run(work, planned)
            answer = self._answer(work, trial)
        except Missing:
            raise
        except Wait as wait:
            return self._wait(work, str(wait))
        except Refused as refusal:
            if not work.letter:
                return refusal
            return self._bury(work, Dead("refused", refusal.code))
        except Exception as crash:
            if not work.letter:
                raise
            return self._bury(work, Dead("handler", f"{type(crash).__name__}: {crash}"))
        self._accept(work, trial, answer)
        return answer

    def _run(self, work: Work, effects: Iterable[Effect]) -> Trial:
        trial, queue = Trial(), deque(effects)
        if work.envelope:
            self._project(trial, work.envelope)
        while queue:
            match queue.popleft():
                case Instruction() as instruction:
                    queue.extendleft(reversed(self._instruct(trial, work, instruction)))
                case SetTimer() as timer:
                    trial.timers[timer.name, timer.id] = timer
                case CancelTimer(name, id):
                    trial.timers[name, id] = None
        return trial

    def _instruct(self, trial: Trial, work: Work, instruction: Instruction) -> list[Effect]:
        stream = self._stream(trial, instruction)
        if instruction.expected is not None and instruction.expected != stream.version:
            raise Refused("version_changed", status=412, version=stream.version)
        follow: list[Effect] = []
        for event in instruction.decider.decide(stream.state, instruction.command):
            stream.state = instruction.decider.evolve(stream.state, event)
            stream.version += 1
            stream.key = stream.key or event.key or str(stream.id)
            envelope = Envelope(
                event, uuid7(), self._rules.source, stream.id, stream.version, stream.key,
                self._context.now, work.cause,
            )  # fmt: skip
            trial.events.append(self._appended(stream, envelope))
            self._project(trial, envelope)
            if policy := self._rules.policies.get(type(event)):
                follow += policy(event, replace(self._context, envelope=envelope))
        return follow

    def _stream(self, trial: Trial, instruction: Instruction) -> Stream:
        address = instruction.address
        if address not in trial.streams:
            known = self._changed.get(address) or self._loaded.streams.get(address)
            if known is None:
                self.missing[address] = instruction.decider
                raise Missing
            trial.streams[address] = replace(known)
        return trial.streams[address]

    def _appended(self, stream: Stream, envelope: Envelope) -> Appended:
        event = envelope.event
        data = event.model_dump_json(exclude=set(event.sealed) or None)
        if len(data) > event.max_bytes:
            raise Refused("too_large", status=413, limit=event.max_bytes)
        topic = event.topic or self._rules.topic
        return Appended(stream.decider.name, envelope, topic, data)

    def _project(self, trial: Trial, envelope: Envelope) -> None:
        for projection, rows in self._rules.projections.get(type(envelope.event), ()):
            trial.rows.append((projection, list(rows(envelope.event, envelope))))

    def _answer(self, work: Work, trial: Trial) -> Result:
        events = [one.envelope for one in trial.events]
        if not work.request:
            return Done(events)
        return Answered(work.request.status, work.request.answer(events), first=True)

    def _accept(self, work: Work, trial: Trial, answer: Result) -> None:
        changed = {a: s for a, s in trial.streams.items() if s.version != s.stored}
        self._changed.update(changed)
        self.events += trial.events
        for projection, rows in trial.rows:
            self._projected.add(projection, rows)
        self._settle(work, "applied")
        self._timers.update(trial.timers)
        if work.request and isinstance(answer, Answered):
            request = work.request
            key = (request.source, request.key)
            self._given[key] = (request.digest, answer)
            self._answers[key] = (request.digest, answer.status, _json(answer.body))

    def _settle(self, work: Work, outcome: str) -> None:
        if work.message:
            self._inbox[work.message] = outcome
        if work.fired:
            key = (work.fired.name, work.fired.id)
            self._fired[key] = work.fired
            self._timers.pop(key, None)

    def _wait(self, work: Work, reason: str) -> Result:
        if not work.letter or not work.message:
            return Refused("not_ready", status=503, reason=reason)
        timer = waiting.timer(work, self._context.now)
        if timer is None:
            return self._bury(work, Dead("waited", reason))
        self._settle(work, "waiting")
        self._timers[timer.name, timer.id] = timer
        return Waiting()

    def _bury(self, work: Work, dead: Dead) -> Result:
        if not work.letter:
            return Refused("unstorable", status=422)
        self._settle(work, "dead")
        row = dead_letters.row(work.letter, dead.stage, dead.reason, self._context.now)
        self._letters.append(row)
        return dead

    def _move(self, place: Place) -> None:
        partition = (place.topic, place.partition)
        known = self._places.get(partition)
        if place.end > self._next(place) and (known is None or place.end > known.end):
            self._places[partition] = place

    def sealed_subjects(self) -> set[UUID]:
        return {one.envelope.subject for one in self.events if one.is_sealed}

    @property
    def has_facts(self) -> bool:
        return self._projected.has_facts

    def batch(self, keys: Mapping[UUID, AESGCM]) -> Batch:
        """All rows that this batch stores, each table's in the order of its key."""
        now = self._context.now
        return [
            (journal.EVENT, [journal.event_row(one, _sealed(one, keys)) for one in self.events]),
            *self._states(now),
            (journal.INBOX, [(*key, outcome, now) for key, outcome in sorted(self._inbox.items())]),
            (journal.REQUEST, [(*key, *row, now) for key, row in sorted(self._answers.items())]),
            (journal.POSITION, self._positions()),
            *self._timer_parts(),
            (dead_letters.DEAD_LETTER, sorted(self._letters, key=lambda row: str(row[0]))),
            *self._projected.batch(),
        ]

    def _states(self, now: datetime) -> Batch:
        tables: dict[str, list[Stream]] = {}
        for (table, _), stream in sorted(self._changed.items()):
            tables.setdefault(table, []).append(stream)
        return [
            (journal.state_part(group[0].decider), journal.state_rows(group, now))
            for group in tables.values()
        ]

    def _positions(self) -> list[tuple[Any, ...]]:
        return [
            (*partition, self._loaded.positions.get(partition), place.end, place.id)
            for partition, place in sorted(self._places.items())
        ]

    def _timer_parts(self) -> Batch:
        """A row is touched by one part only: what was fired and set again is moved."""
        set_, cancelled, fired, moved = [], [], [], []
        for key, timer in sorted(self._timers.items(), key=lambda item: item[0]):
            if timer is None and key not in self._fired:
                cancelled.append(key)
            elif timer is not None and key not in self._fired:
                set_.append((*key, timer.due_at, _json(timer.data)))
        for key, row in sorted(self._fired.items()):
            if again := self._timers.get(key):
                moved.append((*key, row.due_at, again.due_at, _json(again.data)))
            else:
                fired.append((*key, row.due_at))
        return [
            (timers.SET, set_),
            (timers.CANCEL, cancelled),
            (timers.FIRED, fired),
            (timers.MOVED, moved),
        ]


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False)


def _other_body() -> Refused:
    return Refused("idempotency_conflict")


def _sealed(one: Appended, keys: Mapping[UUID, AESGCM]) -> str | None:
    if not one.is_sealed:
        return None
    event, subject = one.envelope.event, one.envelope.subject
    content = event.model_dump_json(include=set(event.sealed)).encode()
    return json.dumps({str(subject): seal(keys[subject], subject, content)})
