"""The one writer of a process: takes all the work that waits, decides in memory, commits once.

Nobody waits for a batch to fill: what arrives while one batch commits is the next batch.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.common import failpoints, journal, metrics, tracing
from libs.common.changes import Changes
from libs.common.clock import Clock
from libs.common.draft import Draft, Planned, Rules
from libs.common.facts import Facts
from libs.common.journal import Asked, Connection, Loaded
from libs.common.keys import Keys
from libs.common.messages import Context, Instruction, Refused
from libs.common.outgoing import Outgoing
from libs.common.statement import FENCED, execute
from libs.common.work import Dead, Work, refusing

Submission = tuple[Sequence[Work], "asyncio.Future[None]"]

ATTEMPTS, ALONE = 6, 60
"""At a batch, and at a work by itself: whoever meets others is seldom to blame for it."""
LONGEST_SECONDS = 0.1
"""Between two of them."""

CONFLICTS = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
UNSTORABLE = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    *CONFLICTS,
)
"""What some work of a batch is to blame for, and no retry will mend."""


class Busy(Exception):
    """The queue is full."""


class Writer:
    """`attempted`: when it last began something, or the database answered, on the steady clock."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        rules: Rules,
        facts: Facts[Any],
        clock: Clock,
        keys: Keys,
        outgoing: Outgoing,
        *,
        max_batch: int = 1000,
        max_waiting: int = 5000,
    ) -> None:
        self._connect, self._rules, self._facts = connect, rules, facts
        self._clock, self._keys, self._max_batch = clock, keys, max_batch
        self._outgoing = outgoing
        self._connection: Connection | None = None
        self._queue: asyncio.Queue[Submission] = asyncio.Queue()
        self._waiting, self._max_waiting = 0, max_waiting
        self.attempted = time.monotonic()
        self._name = rules.source.rpartition("/")[2]
        metrics.QUEUE.labels(self._name).set_function(lambda: self._waiting)

    async def submit(self, works: Sequence[Work]) -> None:
        """Return once these works are stored; their results are then set.

        Raises whatever keeps the database from answering; nothing is stored then, or all is.
        """
        done, begun = asyncio.get_running_loop().create_future(), time.time_ns()
        self._waiting += len(works)
        self._queue.put_nowait((works, done))
        await done
        tracing.record(self._name, works, begun)

    async def offer(self, works: Sequence[Work]) -> None:
        """Submit, unless too many wait already: then Busy at once."""
        if self._waiting >= self._max_waiting:
            raise Busy
        await self.submit(works)

    async def run(self) -> None:
        try:
            while True:
                batch = await self._next_batch()
                await self._settle(batch)
        finally:
            await self._forget()

    async def _settle(self, batch: Sequence[Submission]) -> None:
        failure: Exception | None = None
        try:
            await self._commit([work for works, _ in batch for work in works])
        except Exception as error:  # the database is away: each submitter decides what to do
            failure = error
            await self._forget()
        self._count([work for works, _ in batch for work in works], failure)
        for works, done in batch:
            self._waiting -= len(works)
            if not done.done():
                done.set_exception(failure) if failure else done.set_result(None)

    def _count(self, works: Sequence[Work], failure: Exception | None) -> None:
        metrics.BATCH_SIZE.labels(self._name).observe(len(works))
        results = Counter("failed" if failure else type(work.result).__name__ for work in works)
        for result, count in results.items():
            metrics.RESULTS.labels(self._name, result.lower()).inc(count)
        for work in works:
            match work.result:
                case Refused(code=code):
                    metrics.REFUSALS.labels(self._name, code).inc()
                case Dead(stage=stage):
                    metrics.DEAD_LETTERS.labels(self._name, stage).inc()

    async def _next_batch(self) -> list[Submission]:
        batch = [await self._queue.get()]
        size = len(batch[0][0])
        while size < self._max_batch and not self._queue.empty():
            batch.append(self._queue.get_nowait())
            size += len(batch[-1][0])
        return batch

    async def _commit(self, works: Sequence[Work]) -> None:
        """Store these works in one transaction; in halves, in order, if they cannot be stored."""
        try:
            await self._attempts(works)
        except UNSTORABLE as error:
            if len(works) > 1:
                half = len(works) // 2
                await self._commit(works[:half])
                await self._commit(works[half:])
                return
            await self._blame(works[0], error)

    async def _blame(self, work: Work, error: Exception) -> None:
        if not work.letter:
            work.plan = refusing(Refused("unstorable", status=422))
            return await self._attempts([work])
        work.dead = Dead("storage", type(error).__name__)
        try:
            await self._attempts([work])
        except UNSTORABLE:
            work.buried = None  # what would be told of its death cannot be stored either
            await self._attempts([work])

    async def _attempts(self, works: Sequence[Work]) -> None:
        last = (ATTEMPTS if len(works) > 1 else ALONE) - 1
        for attempt in range(last + 1):
            try:
                return await self._attempt(works)
            except CONFLICTS:
                metrics.CONFLICTS.labels(self._name).inc()
                if attempt == last:
                    raise
            except asyncpg.PostgresError as error:
                if error.sqlstate != FENCED or attempt == last:
                    raise
            await asyncio.sleep(random.uniform(0, min(LONGEST_SECONDS, 0.002 * 2**attempt)))

    async def _attempt(self, works: Sequence[Work]) -> None:
        self.attempted = time.monotonic()
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
            self.attempted = time.monotonic()
            await self._clock.start(self._connection)
            await self._facts.reload(self._connection)
        connection = self._connection
        with metrics.STAGE_SECONDS.labels(self._name, "load").time():
            planned, loaded = await self._load(connection, works)
        if loaded.facts_number != self._facts.number:
            await self._facts.reload(connection)
            planned, loaded = await self._load(connection, works)
        self.attempted = time.monotonic()
        self._clock.set(loaded.now)
        if loaded.is_newer:
            planned = self._plan(works)  # what is done now comes after what another process did
        with metrics.STAGE_SECONDS.labels(self._name, "decide").time():
            changes = await self._decide(connection, works, planned, loaded)
        keys = await self._subject_keys(changes)
        self.attempted = time.monotonic()
        events = changes.event_rows(keys)
        batch = changes.batch(events, keys)
        if any(rows for _, rows in batch):
            failpoints.reach("before_commit")
            with metrics.STAGE_SECONDS.labels(self._name, "store").time():
                stored = await execute(connection, batch, facts=changes.has_facts)
            self._outgoing.keep(stored, events)
            failpoints.reach("after_commit")

    def context(self) -> Context[Any]:
        return Context(self._facts.value, self._clock.now(), self._facts.number)

    async def _load(
        self, connection: Connection, works: Sequence[Work]
    ) -> tuple[list[Planned], Loaded]:
        now = self._clock.now()
        planned = self._plan(works)
        return planned, await journal.load(connection, _asked(works, planned, now))

    def _plan(self, works: Sequence[Work]) -> list[Planned]:
        context = self.context()
        return [_planned(work, context) for work in works]

    async def _decide(
        self,
        connection: Connection,
        works: Sequence[Work],
        planned: Sequence[Planned],
        loaded: Loaded,
    ) -> Changes:
        """Decide all works in order, again from the start whenever more must be loaded."""
        while True:
            draft = Draft(self._rules, loaded, self.context())
            for work, effects in zip(works, planned, strict=True):
                draft.take(work, effects)
            if not draft.missing:
                return draft.changes
            more = await journal.load(connection, Asked(streams=dict(draft.missing)))
            loaded.streams.update(more.streams)

    async def _subject_keys(self, changes: Changes) -> Mapping[UUID, AESGCM]:
        """Those that are erased here are gone first: it is only told when it is true."""
        if erased := changes.erased_subjects():
            await self._keys.erase(erased)
        subjects = changes.sealed_subjects()
        return await self._keys.ensure(subjects) if subjects else {}

    async def _forget(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def _planned(work: Work, context: Context[Any]) -> Planned:
    try:
        if work.dead:
            return ()
        if work.envelope:
            context = Context(context.facts, context.now, context.facts_number, work.envelope)
        return tuple(work.plan(context))
    except Exception as error:  # a handler that crashes: the draft makes a dead letter of it
        return error


def _asked(works: Sequence[Work], planned: Sequence[Planned], now: datetime) -> Asked:
    asked = Asked(now)
    for work, effects in zip(works, planned, strict=True):
        if work.message:
            asked.messages.append(work.message)
        if work.envelope:
            asked.subjects.append(work.envelope.subject)
        if work.request:
            asked.requests.append((work.request.source, work.request.key))
            if work.request.is_told:
                asked.told_keys.append(work.request.key)
        if work.fired:
            asked.fired.append(work.fired)
        if not isinstance(effects, Exception):
            for effect in effects:
                if isinstance(effect, Instruction):
                    asked.streams[effect.address] = effect.decider
    places = {(work.place.topic, work.place.partition) for work in works if work.place}
    asked.partitions = sorted(places)
    asked.requests = sorted(set(asked.requests))
    asked.told_keys = sorted(set(asked.told_keys))
    asked.subjects = list(set(asked.subjects))
    return asked
