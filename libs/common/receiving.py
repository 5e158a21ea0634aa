"""What has come, as a work: a record of Kafka, a timer that ran out, and either of them again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common import waiting, wire
from libs.common.ids import named
from libs.common.logs import blame
from libs.common.messages import Cause, Context, Due, Effect, Event, Policies, Timers
from libs.common.wire import Unreadable
from libs.common.work import INTAKE, Dead, Fired, Letter, Message, Plan, Recorded, Work
from libs.privacy import synthetic

TIMER = "timer."
"""Timers that ran out are kept like records, of a topic with this and their name."""

Told = Callable[[Letter, Dead], Iterable[Effect]]


class Receiver:
    """`types`: the events that this service reads. `buried`: what it says of dead intake.
    `is_demo`: no outside source speaks of anybody who is real (row P23)."""

    def __init__(
        self,
        source: str,
        types: Mapping[str, type[Event]],
        policies: Policies,
        timers: Timers,
        buried: Told | None,
        is_demo: bool = False,
    ) -> None:
        self._is_demo = is_demo
        self._source, self._types = source, types
        self._policies, self._timers, self._buried = policies, timers, buried

    def read(self, record: Recorded) -> Work | None:
        """None where nobody here asks for this type of event."""
        is_intake = record.topic.startswith(INTAKE)
        dead: Dead | None = None
        try:
            envelope = wire.read(record, self._types, intake=is_intake)
            if is_intake and envelope and self._is_demo:
                _check_synthetic(envelope.event)
        except Unreadable as error:
            dead = Dead(error.stage, error.reason)
        except Exception as crash:  # what nobody foresaw stops this record, and not its topic
            dead = Dead("handler", blame(crash))
        if dead:
            letter = _letter(record)
            work = _unreadable(letter, dead)
        elif envelope is None:
            return None
        else:
            letter = _letter(record)
            work = Work(
                self._plan_of(envelope.event),
                envelope.cause,
                message=Message(envelope.id, envelope.source),
                envelope=envelope,
                letter=letter,
            )
        if is_intake and (told := self._buried):
            work.buried = lambda dead: told(letter, dead)
        return work

    def _plan_of(self, event: Event) -> Plan:
        policy = self._policies.get(type(event))
        return (lambda context: policy(event, context)) if policy else lambda _: ()

    def fired(self, name: str, id: UUID, due_at: datetime, data: str, correlation_id: str) -> Work:
        """The work of a row of `timer`. `data`: JSON text."""
        body = json.dumps({"due_at": due_at.isoformat(), "data": json.loads(data)})
        letter = Letter(
            TIMER + name, None, None, int(due_at.timestamp() * 1000), id.bytes, (), body.encode()
        )
        work = self._timer_work(letter, correlation_id)
        work.fired = Fired(name, id, due_at)
        return work

    def again(self, name: str, id: UUID, due_at: datetime, held: Mapping[str, Any] | None) -> Work:
        """The work of a record that waited, or of a dead letter. `held`: None once its time is
        over, and nothing is done."""
        fired = Fired(name, id, due_at)
        if held is None:
            return Work(lambda _: (), Cause("timer", str(id), id, self._source), fired=fired)
        return self._again(fired, held)

    def _timer_work(self, letter: Letter, correlation_id: str) -> Work:
        name, id = letter.topic.removeprefix(TIMER), UUID(bytes=letter.key)
        body = json.loads(letter.value or b"{}")
        due = Due(name, id, datetime.fromisoformat(body["due_at"]), body["data"])
        message = Message(named(f"{name}/{id}/{body['due_at']}"), f"{self._source}/timer")
        cause = Cause("timer", correlation_id, message.id, message.source)
        timers = self._timers

        def plan(context: Context[Any]) -> Iterable[Effect]:
            return timers[name](due, context)

        return Work(plan, cause, message=message, letter=letter)

    def _again(self, fired: Fired, data: Mapping[str, Any]) -> Work:
        """A message that waited for a fact, or died and is tried once more."""
        letter = waiting.letter(data)
        if letter.topic.startswith(TIMER):
            work: Work | None = self._timer_work(letter, str(named(letter.topic)))
        else:
            work = self.read(letter)
        if work is None:
            work = _unreadable(letter, Dead("type", "this type is no longer known here"))
        work.fired, work.takes_over = fired, True
        work.waited = waiting.waited(data)
        return work


def _letter(record: Recorded) -> Letter:
    if isinstance(record, Letter):
        return record
    return Letter(
        record.topic,
        getattr(record, "partition", None),
        getattr(record, "offset", None),
        *(record.timestamp, record.key, record.headers, record.value),
    )


def _check_synthetic(event: Event) -> None:
    if (path := synthetic.where(event.model_dump(mode="json"))) is not None:
        raise Unreadable("schema", f"{path}: {synthetic.CODE}")


def _unreadable(letter: Letter, dead: Dead) -> Work:
    """Known by all that it holds: its `ce_id` may be that of another message."""
    id = wire.digest(letter)
    source = f"dead:{letter.topic}"
    cause = Cause("system", str(id), id, source)
    return Work(lambda _: (), cause, message=Message(id, source), letter=letter, dead=dead)
