"""What a batch will store, gathered in memory: rows of each table, once, in the order of keys."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.common import dead_letters, journal, timers, waiting, wire
from libs.common.audit import AUDIT
from libs.common.journal import Appended, EventRow, Stream, Told
from libs.common.keys import seal
from libs.common.messages import Address, Envelope, SetTimer
from libs.common.projected import Projected
from libs.common.projections import Projection
from libs.common.statement import Batch
from libs.common.work import Answered, Dead, Fired, Letter, Message, Place, Request, Work

TimerKey = tuple[str, UUID]


@dataclass(slots=True)
class Trial:
    """What one work would change; it takes effect as a whole or not at all."""

    correlation_id: str
    streams: dict[Address, Stream] = field(default_factory=dict)
    events: list[Appended] = field(default_factory=list)
    timers: dict[TimerKey, SetTimer | None] = field(default_factory=dict)
    rows: list[tuple[Projection, list[Sequence[Any]]]] = field(default_factory=list)


class Changes:
    """`positions`: where this service stands in each partition, and `waiting`: which versions of
    subjects wait, as it was loaded."""

    def __init__(
        self,
        now: datetime,
        positions: Mapping[tuple[str, int], int],
        waiting: Mapping[Told, Mapping[int, datetime]],
    ) -> None:
        self._now, self._positions = now, positions
        self.waiting = {told: dict(versions) for told, versions in waiting.items()}
        self.streams: dict[Address, Stream] = {}
        self.inbox: dict[Message, str] = {}
        self.fired: dict[TimerKey, Fired] = {}
        self.given: dict[tuple[str, str], tuple[Request, Answered]] = {}
        self.told: dict[str, list[tuple[str, str]]] = {}
        self._events: list[Appended] = []
        self._audit: list[Sequence[Any]] = []
        self.timers: dict[TimerKey, tuple[SetTimer | None, str]] = {}
        self._held: dict[TimerKey, tuple[Letter, Envelope | None]] = {}
        self._places: dict[tuple[str, int], Place] = {}
        self._letters: dict[UUID, tuple[Letter, Dead]] = {}
        self._revived: set[UUID] = set()
        self._projected = Projected()

    def accept(self, trial: Trial) -> None:
        changed = {a: s for a, s in trial.streams.items() if s.version != s.stored}
        self.streams.update(changed)
        self._events += trial.events
        for key, timer in trial.timers.items():
            self.timers[key] = (timer, trial.correlation_id)
        for projection, rows in trial.rows:
            self._projected.add(projection, rows)

    def settle(self, work: Work, outcome: str) -> None:
        """What called for this work is done with."""
        if work.message:
            self.inbox[work.message] = outcome
        if work.fired:
            key = (work.fired.name, work.fired.id)
            self.fired[key] = work.fired
        if work.envelope and (versions := self.waiting.get(_told(work.envelope))):
            versions.pop(work.envelope.version, None)

    def answer(self, request: Request, answered: Answered) -> None:
        self.given[request.source, request.key] = (request, answered)
        if request.is_told:
            asked = (request.source, request.digest.hex())
            self.told.setdefault(request.key, []).append(asked)

    def wait(self, work: Work, timer: SetTimer) -> None:
        """`timer` brings the record again."""
        assert work.letter
        self.settle(work, "waiting")
        self.timers[timer.name, timer.id] = (timer, work.cause.correlation_id)
        self._held[timer.name, timer.id] = (work.letter, work.envelope)
        if work.envelope:
            versions = self.waiting.setdefault(_told(work.envelope), {})
            versions[work.envelope.version] = timer.due_at

    def waits_until(self, envelope: Envelope) -> datetime | None:
        """When the last of the earlier messages of its subject that wait is tried again."""
        versions = self.waiting.get(_told(envelope)) if self.waiting else None
        if not versions:
            return None
        return max((due for n, due in versions.items() if n < envelope.version), default=None)

    def record(self, row: Sequence[Any]) -> None:
        """A row of audit, whatever came of what it tells of."""
        self._audit.append(row)

    def bury(self, letter: Letter, dead: Dead) -> None:
        self._letters[wire.digest(letter)] = (letter, dead)

    def revive(self, letter: Letter) -> None:
        """It was dead, and is handled now."""
        self._revived.add(wire.digest(letter))

    def move(self, place: Place) -> None:
        """The position of a partition only goes forward."""
        partition = (place.topic, place.partition)
        before = self._places.get(partition)
        reached = before.end if before else self._positions.get(partition, -1)
        if place.end > reached:
            self._places[partition] = place

    def sealed_subjects(self) -> set[UUID]:
        """Whose keys are needed to store this."""
        letters = self._letters or any(one.is_outside for one, _ in self._held.values())
        of_letters = {dead_letters.subject_of(self._now.date())} if letters else set()
        return {subject for one in self._events for subject in one.seals()} | of_letters

    def erased_subjects(self) -> set[UUID]:
        return {subject for one in self._events for subject in one.envelope.event.erases}

    @property
    def has_facts(self) -> bool:
        return self._projected.has_facts

    def event_rows(self, keys: Mapping[UUID, AESGCM]) -> list[EventRow]:
        return [journal.event_row(one, _sealed(one, keys)) for one in self._events]

    def batch(self, events: Sequence[EventRow], keys: Mapping[UUID, AESGCM]) -> Batch:
        now = self._now
        return [
            (journal.EVENT, events),
            (AUDIT, self._audit),
            *self._state_rows(),
            (journal.INBOX, [(*key, outcome, now) for key, outcome in sorted(self.inbox.items())]),
            (journal.REQUEST, self._request_rows()),
            (journal.POSITION, self._position_rows()),
            *self._timer_rows(keys),
            (dead_letters.DEAD_LETTER, self._letter_rows(keys)),
            (dead_letters.REVIVED, [(id,) for id in sorted(self._revived - self._letters.keys())]),
            *self._projected.batch(),
        ]

    def _state_rows(self) -> Iterable[tuple[Any, Any]]:
        tables: dict[str, list[Stream]] = {}
        for (table, _), stream in self.streams.items():
            tables.setdefault(table, []).append(stream)
        for _, group in sorted(tables.items()):
            yield journal.state_part(group[0].decider), journal.state_rows(group, self._now)

    def _request_rows(self) -> list[tuple[Any, ...]]:
        return [
            (
                *(*key, request.digest, request.scope.digest),
                *(answered.status, _json(answered.body), self._now),
            )
            for key, (request, answered) in sorted(self.given.items(), key=lambda item: item[0])
        ]

    def _letter_rows(self, keys: Mapping[UUID, AESGCM]) -> list[Sequence[Any]]:
        found = (self._letters[id] for id in sorted(self._letters))
        return [dead_letters.row(letter, dead, self._now, keys) for letter, dead in found]

    def _position_rows(self) -> list[tuple[Any, ...]]:
        return [
            (*partition, self._positions.get(partition), place.end, wire.identity(place.last))
            for partition, place in sorted(self._places.items())
        ]

    def _timer_rows(self, keys: Mapping[UUID, AESGCM]) -> Batch:
        """A row is touched by one part only: what was fired and set again is moved."""
        set_, cancelled, fired, moved = [], [], [], []
        for key, (timer, correlation) in sorted(self.timers.items(), key=lambda item: item[0]):
            if timer is None and key not in self.fired:
                cancelled.append(key)
            elif timer is not None and key not in self.fired:
                data, told = self._data(timer, keys), self._subject(key)
                set_.append((*key, timer.due_at, data, correlation, *told))
        for key, row in sorted(self.fired.items()):
            again, _ = self.timers.get(key, (None, ""))
            if again:
                moved.append((*key, row.due_at, again.due_at, self._data(again, keys)))
            else:
                fired.append((*key, row.due_at))
        return [
            (timers.SET, set_),
            (timers.CANCEL, cancelled),
            (timers.FIRED, fired),
            (timers.MOVED, moved),
        ]

    def _subject(self, key: TimerKey) -> tuple[UUID | None, int | None, str | None]:
        _, envelope = self._held.get(key, (None, None))
        return (envelope.subject, envelope.version, envelope.source) if envelope else (None,) * 3

    def _data(self, timer: SetTimer, keys: Mapping[UUID, AESGCM]) -> str:
        """With the record that it brings again; what one from outside holds may be personal."""
        letter, _ = self._held.get((timer.name, timer.id), (None, None))
        if letter is None:
            return _json(timer.data)
        if letter.is_outside:
            return _json({**timer.data, "sealed": dead_letters.sealed(letter, self._now, keys)})
        return _json({**timer.data, **waiting.kept(letter)})


def _told(envelope: Envelope) -> Told:
    return envelope.source, envelope.subject


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False)


def _sealed(one: Appended, keys: Mapping[UUID, AESGCM]) -> str | None:
    """What belongs to subjects that were erased is not kept."""
    event = one.envelope.event
    if not event.sealed:
        return None
    parts = {
        str(subject): seal(keys[subject], subject, event.model_dump_json(include=names).encode())
        for subject, names in one.seals().items()
        if subject in keys
    }
    return json.dumps(parts) if parts else None
