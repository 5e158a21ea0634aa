"""A batch being decided in memory: one work after the other, each wholly or not. Nothing awaits."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any

import structlog

from libs.common import audit, waiting
from libs.common.audit import Entry
from libs.common.callers import Scope
from libs.common.changes import Changes, Trial
from libs.common.ids import uuid7
from libs.common.journal import Appended, Loaded, Stream
from libs.common.logs import blame
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
    not_found,
)
from libs.common.projections import Projection, Rows
from libs.common.work import (
    Answered,
    Dead,
    Done,
    Fenced,
    Fired,
    Handled,
    Message,
    Place,
    Request,
    Result,
    Waiting,
    Work,
    route_of,
)

log = structlog.get_logger()

Planned = Sequence[Effect] | Exception


@dataclass(frozen=True)
class Rules:
    """What a service does about its own events, and where it publishes them."""

    source: str
    topic: str
    policies: Mapping[type[Event], Policy]
    projections: Mapping[type[Event], Sequence[tuple[Projection, Rows]]]


class Missing(Exception):
    """An aggregate that was not loaded is addressed."""


class Draft:
    """`missing`: what must be loaded before the batch can be decided; `changes`: its outcome."""

    def __init__(self, rules: Rules, loaded: Loaded, context: Context[Any]) -> None:
        self._rules, self._loaded, self._context = rules, loaded, context
        self.missing: dict[Address, Decider[Any, Any, Any]] = {}
        self.changes = Changes(context.now, loaded.positions, loaded.waiting)

    def take(self, work: Work, planned: Planned) -> None:
        """Decide this work after those before it; its result is set."""
        try:
            work.result = self._known(work, planned) or self._decide(work, planned)
        except Missing:
            return
        if work.place and not isinstance(work.result, Fenced):
            self.changes.move(work.place)
        if work.entry:
            self.changes.record(_told(work.entry, work.result, planned))

    def _known(self, work: Work, planned: Planned) -> Result | None:
        if work.place and (fenced := self._is_past(work.place)):
            return fenced
        if work.fired and not self._stands(work.fired):
            return Handled()
        if work.message and self._is_handled(work.message, work.takes_over):
            if work.fired:
                self.changes.settle(replace(work, message=None), "applied")
            return Handled()
        return self._answered(work, work.request, planned) if work.request else None

    def _is_past(self, place: Place) -> Result | None:
        next = self._loaded.positions.get((place.topic, place.partition), place.begin)
        if place.begin > next:
            return Fenced()
        return Handled() if place.offset < next else None

    def _stands(self, fired: Fired) -> bool:
        """As it was loaded, and after the works before this one."""
        key, changes = (fired.name, fired.id), self.changes
        is_changed = key in changes.fired or key in changes.timers
        return fired in self._loaded.fired and not is_changed

    def _is_handled(self, message: Message, takes_over: bool) -> bool:
        outcome = self._loaded.inbox.get(message)
        return message in self.changes.inbox or (
            outcome is not None and not (takes_over and outcome != "applied")
        )

    def _answered(self, work: Work, request: Request, planned: Planned) -> Result | None:
        """What was answered at first; nothing of it to somebody else who sends the same under the
        same key, nor to who asked in another scope, of what is not in theirs now."""
        key, digest = (request.source, request.key), request.digest
        if given := self.changes.given.get(key):
            first, answered = given
            same, scope = first.digest == digest, first.scope.digest.hex()
        elif stored := self._loaded.requests.get(key):
            answered = Answered(stored.status, stored.body, first=False)
            same, scope = stored.digest == digest.hex(), stored.scope
        else:
            return not_found() if self._is_of_another(request) else None
        if not same:
            return Refused("idempotency_conflict")
        if scope != request.scope.digest.hex() and self._is_outside(work, planned):
            return not_found()
        return replace(answered, first=False)

    def _is_of_another(self, request: Request) -> bool:
        """Whether another account sent this before, as far as this process knows of it."""
        if not request.is_told:
            return False
        told = (known.get(request.key, ()) for known in (self._loaded.told, self.changes.told))
        asked = (request.route, request.digest.hex())
        return any((route_of(source), digest) == asked for source, digest in chain(*told))

    def _is_outside(self, work: Work, planned: Planned) -> bool:
        """Whether what a work is about is not there for who asks. It is decided anew for that, and
        nothing of it is stored."""
        if isinstance(planned, Exception):
            return False
        try:
            self._run(work, planned)
        except Refused as refusal:
            return refusal.status == 404
        except Wait:
            return False
        return False

    def _decide(self, work: Work, planned: Planned) -> Result:
        try:
            if work.dead:
                return self._bury(work, work.dead)
            if work.envelope and (earlier := self.changes.waits_until(work.envelope)):
                return self._wait_behind(work, earlier)
            if isinstance(planned, Exception):
                raise planned
            trial = self._run(work, planned)
            answer = self._answer(work, trial)
        except Missing:
            raise
        except Wait as wait:
            return self._wait(work, wait)
        except Refused as refusal:
            return self._bury(work, _refused(refusal)) if work.letter else refusal
        except Exception as crash:
            if work.letter:
                return self._bury(work, Dead("handler", blame(crash)))
            log.exception("a handler crashed")
            return Refused("crashed", status=500)
        self.changes.settle(work, "applied")
        self.changes.accept(trial)
        if work.letter and work.takes_over:
            self.changes.revive(work.letter)
        if work.request and isinstance(answer, Answered):
            self.changes.answer(work.request, answer)
        return answer

    def _run(self, work: Work, effects: Iterable[Effect]) -> Trial:
        """Raises Missing at its end, so that all is loaded at once that one work addresses; what a
        decision says meanwhile, without what is missing, counts for nothing."""
        trial = Trial(work.cause.correlation_id)
        if work.envelope:
            self._project(trial, work.envelope)
        scope = work.request.scope if work.request else None
        queue, missing = deque([(effect, scope) for effect in effects]), None
        while queue:
            effect, asking = queue.popleft()
            try:
                follow = self._take(trial, work, effect, asking)
            except Missing as one:
                missing = one
            except Exception:
                if not missing:
                    raise
            else:
                queue.extendleft([(one, None) for one in reversed(follow)])
        if missing:
            raise missing
        return trial

    def _take(
        self, trial: Trial, work: Work, effect: Effect, scope: Scope | None
    ) -> Sequence[Effect]:
        """What follows from it. `scope`: of who asked for it; None where it follows by itself."""
        match effect:
            case Instruction() as instruction:
                return self._instruct(trial, work, instruction, scope)
            case SetTimer() as timer:
                trial.timers[timer.name, timer.id] = timer
            case CancelTimer(name, id):
                trial.timers[name, id] = None
        return ()

    def _instruct(
        self, trial: Trial, work: Work, instruction: Instruction, scope: Scope | None
    ) -> list[Effect]:
        stream = self._stream(trial, instruction)
        is_new = not stream.version
        if not is_new:
            _check(scope, stream)
        if instruction.expected is not None and instruction.expected != stream.version:
            if is_new and scope and not scope.everything:
                raise not_found()  # as for what is outside
            raise Refused("version_changed", status=412, version=stream.version)
        follow: list[Effect] = []
        for event in instruction.decider.decide(stream.state, instruction.command):
            envelope = self._append(trial, work, stream, event)
            if policy := self._rules.policies.get(type(event)):
                follow += policy(event, self._context._replace(envelope=envelope))
        if is_new and stream.version:
            _check(scope, stream)
        return follow

    def _stream(self, trial: Trial, instruction: Instruction) -> Stream:
        address = instruction.address
        if address not in trial.streams:
            known = self.changes.streams.get(address) or self._loaded.streams.get(address)
            if known is None:
                self.missing[address] = instruction.decider
                raise Missing
            trial.streams[address] = known.copy()
        return trial.streams[address]

    def _append(self, trial: Trial, work: Work, stream: Stream, event: Event) -> Envelope:
        stream.state = stream.decider.evolve(stream.state, event)
        stream.version += 1
        stream.key = stream.key or event.key or str(stream.id)
        envelope = Envelope(
            *(event, uuid7(), self._rules.source, stream.id, stream.version, stream.key),
            *(self._context.now, work.cause),
        )
        data = event.published()
        if len(data) * 4 > event.max_bytes and len(data.encode()) > event.max_bytes:
            raise Refused("too_large", status=413, limit=event.max_bytes)
        topic = event.topic or self._rules.topic
        trial.events.append(Appended(stream.decider.name, envelope, topic, data))
        self._project(trial, envelope)
        return envelope

    def _project(self, trial: Trial, envelope: Envelope) -> None:
        for projection, rows in self._rules.projections.get(type(envelope.event), ()):
            trial.rows.append((projection, list(rows(envelope.event, envelope))))

    def _answer(self, work: Work, trial: Trial) -> Result:
        events = [one.envelope for one in trial.events]
        if not work.request:
            return Done(events)
        return Answered(work.request.status, work.request.answer(events), first=True)

    def _wait(self, work: Work, wait: Wait) -> Result:
        if not work.letter or not work.message:
            return wait.then or Refused("not_ready", status=503, reason=str(wait))
        give_up = waiting.REFUSE if wait.then else waiting.GIVE_UP
        timer = waiting.timer(work, self._context.now, give_up)
        if timer is None:
            dead = _refused(wait.then) if wait.then else Dead("waited", str(wait))
            return self._bury(work, dead)
        self.changes.wait(work, timer)
        return Waiting()

    def _wait_behind(self, work: Work, earlier: datetime) -> Result:
        self.changes.wait(work, waiting.behind(work, earlier, self._context.now))
        return Waiting()

    def _bury(self, work: Work, dead: Dead) -> Result:
        if not work.letter:
            return Refused("unstorable", status=422)
        if work.buried:
            self._tell(work, work.buried(dead))
        self.changes.settle(work, "dead")
        self.changes.bury(work.letter, dead)
        return dead

    def _tell(self, work: Work, effects: Iterable[Effect]) -> None:
        try:
            self.changes.accept(self._run(replace(work, envelope=None), effects))
        except (Refused, Wait):
            log.exception("the death of a message could not be told")


def _refused(refusal: Refused) -> Dead:
    path = f"{refusal.path}: " if refusal.path else ""
    return Dead("refused", path + refusal.code)


def _told(entry: Entry, result: Result, planned: Planned) -> Sequence[Any]:
    """The row of audit, with the ids of all that was addressed."""
    effects = () if isinstance(planned, Exception) else planned
    ids = [effect.id for effect in effects if isinstance(effect, Instruction)]
    match result:
        case Refused() as refusal:
            return entry.row(audit.failed(refusal), refusal.code, ids)
        case Answered(first=False):
            return entry.row("again", None, ids)
        case _ if entry.code:
            return entry.row("denied", entry.code, ids)
        case _:
            return entry.row("done", None, ids)


def _check(scope: Scope | None, stream: Stream) -> None:
    """Outside the scope of who asks a thing does not exist, nor can it be made there."""
    if scope and not scope.holds(stream.decider.belongs(stream.state)):
        raise not_found()
