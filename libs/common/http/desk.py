"""Where a request becomes a work for the writer, and its result an answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from libs.common import failpoints, keys, reading_limit
from libs.common.audit import AUDIT, Entry
from libs.common.callers import EVERYTHING, NOBODY, Scope
from libs.common.http.batches import Faulty
from libs.common.http.guards import (
    Denied,
    Guard,
    asked,
    caller_of,
    is_recorded,
    let_in,
    recorded,
)
from libs.common.http.items import (
    Answer,
    Item,
    answered_by,
    entry_of_item,
    first_aggregate,
    version_of,
)
from libs.common.http.problems import Texts, language_of
from libs.common.http.quotas import Quotas
from libs.common.http.reading import Reading
from libs.common.http.requests import (
    address_of,
    cause_of,
    check_id,
    check_reason,
    digest_of,
    expected,
    key_of,
    source_of,
    told_key,
)
from libs.common.http.routes import guarded
from libs.common.ids import uuid7
from libs.common.keys import Keys
from libs.common.messages import Cause, Context, Decider, Effect, Envelope, Refused
from libs.common.settings import Settings
from libs.common.statement import execute
from libs.common.work import Done, Work, refusing
from libs.common.work import Request as Asked
from libs.common.writer import Writer
from libs.privacy import synthetic

F = TypeVar("F")

SET_SCOPE = "SELECT set_config('civicgrid.scope', $1, true)"


class Desk(Generic[F]):
    """`quotas`: of accounts and of addresses. `sealing`: the keys of sealed content, for services
    that have any. `settings`: for those that need some of their own; None where nothing is
    asked."""

    def __init__(
        self,
        service: str,
        writer: Writer,
        readers: asyncpg.Pool[Any],
        texts: Texts,
        guard: Guard,
        quotas: Quotas,
        *,
        sealing: Keys | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.service, self.settings = service, settings
        self._writer, self._readers, self._texts = writer, readers, texts
        self._guard, self._quotas, self._sealing = guard, quotas, sealing

    def router(self) -> APIRouter:
        """For all routes of this service."""
        return APIRouter(route_class=guarded(self.admit, self._look_over))

    def _look_over(self, body: Any) -> None:
        """In a demo nobody is real (row P23)."""
        if self.settings and self.settings.demo and (path := synthetic.where(body)) is not None:
            raise Refused(synthetic.CODE, status=422, path=path)

    @asynccontextmanager
    async def admit(self, request: Request) -> AsyncIterator[None]:
        """Around each route. What is refused to somebody leaves a row of audit; but not to who asks
        too often, whose rows would be another flood."""
        try:
            self._let_in(request)
            check_reason(request, asked(request))
            yield
        except Refused as refusal:
            if refusal.status not in (401, 429):
                await self._record(request, refusal)
            raise
        except (RequestValidationError, asyncpg.DataError) as error:
            is_form = isinstance(error, RequestValidationError)
            await self._record(request, Refused("invalid" if is_form else "unstorable", status=422))
            raise

    def _let_in(self, request: Request) -> None:
        self._quotas.addresses.take(address_of(request))
        denied = None
        try:
            caller = self._guard(request, self.context())
        except Denied as refusal:
            caller, denied = refusal.caller, refusal
        if caller.actor != NOBODY:
            self._quotas.accounts.take(caller.actor)
        let_in(request, caller)
        if denied:
            raise denied

    async def _record(self, request: Request, refusal: Refused) -> None:
        """By the writer, which is told to refuse it."""
        if is_recorded(request) or caller_of(request).actor == NOBODY:
            return
        await self._writer.offer([self._refusal(request, refusal)])

    def _refusal(self, request: Request, refusal: Refused) -> Work:
        """What is refused already is a work too: it leaves a row."""
        return Work(refusing(refusal), self._new_cause(request), entry=asked(request))

    def _new_cause(self, request: Request) -> Cause:
        """Of what is not known again when it is sent again."""
        return cause_of(request, caller_of(request).actor, str(uuid7()), self.service)

    def context(self) -> Context[F]:
        """Facts and time, as they are now."""
        return self._writer.context()

    @asynccontextmanager
    async def reading(self, request: Request, scope: Scope | None = None) -> AsyncIterator[Reading]:
        """What is shown to who asks, of what is in their scope, or in `scope`. Where it is
        personal its row of audit is stored first, or nothing is shown; nor is it to who has seen
        too much of what must be asked for a purpose."""
        caller, entry, pause = caller_of(request), asked(request), None
        async with self._session(scope or caller.scope, caller.is_personal) as connection:
            look = Reading(connection)
            yield look
            if caller.counted:
                pause = await reading_limit.pause(connection, entry, caller.counted)
            if caller.is_personal and pause is None:
                failpoints.reach("read_not_recorded")
                row = _told(request, entry, look)
                await execute(connection, [(AUDIT, [row])], facts=False)
        if pause is not None:
            await self._stop(request, pause)
        if caller.is_personal:
            recorded(request)
            failpoints.reach("before_answer")

    async def _stop(self, request: Request, pause: int) -> None:
        """Raises Refused, 429, once that is stored, and with it what tells those who watch over
        it."""
        entry = asked(request)

        def plan(context: Context[F]) -> Iterable[Effect]:
            return (reading_limit.reached(context.now, self.service, entry),)

        code = "too_many_subjects"
        await self.done(request, plan, code=code)
        raise Refused(code, status=429, limit=reading_limit.SUBJECTS, retry_after=pause)

    @asynccontextmanager
    async def looking(self, scope: Scope = EVERYTHING) -> AsyncIterator[asyncpg.Connection[Any]]:
        """What the service itself must know, and shows to nobody."""
        async with self._session(scope, False) as connection:
            yield connection

    @asynccontextmanager
    async def _session(self, scope: Scope, writes: bool) -> AsyncIterator[asyncpg.Connection[Any]]:
        """Of the reader, who may write rows of audit alone, in a transaction."""
        async with (
            self._readers.acquire(timeout=5) as connection,
            connection.transaction(readonly=not writes),
        ):
            await connection.execute(SET_SCOPE, scope.setting)
            yield cast("asyncpg.Connection[Any]", connection)

    async def unsealed(self, subject: UUID, sealed: str | None) -> Mapping[str, Any]:
        """What an event of `subject` has in its column `sealed`; empty where that is nothing, or
        its key is gone. The key is looked for in any case."""
        assert self._sealing
        key = (await self._sealing.get([subject])).get(subject)
        if key is None or sealed is None:
            return {}
        content = json.loads(sealed).get(str(subject))
        return cast(Mapping[str, Any], content and keys.unseal(key, subject, content)) or {}

    async def has_content(self, subjects: Iterable[UUID]) -> bool:
        """Whether any service sealed anything for them that can be read still."""
        assert self._sealing
        return bool(await self._sealing.get(subjects))

    async def alias(self, subject: UUID, name: str) -> UUID:
        """The same id for the same name, made with the key of `subject`: it tells nobody else
        what the name is, and nothing at all once the key is gone."""
        assert self._sealing
        return await self._sealing.alias(subject, name)

    async def done(
        self,
        request: Request,
        plan: Callable[[Context[F]], Iterable[Effect]],
        *,
        code: str | None = None,
    ) -> Sequence[Envelope]:
        """One command that holds a secret or is answered with one, so that nothing of it is kept:
        sent again, it is done again. What happened. `code`: why what was asked fails, and this is
        what follows from it. Raises Refused and Busy."""
        cause = self._new_cause(request)
        entry = asked(request)._replace(command_id=cause.id, code=code)
        work = Work(plan, cause, entry=entry)
        await self._offer(request, [work])
        failpoints.reach("before_answer")
        if isinstance(work.result, Refused):
            raise work.result
        assert isinstance(work.result, Done), work.result
        return work.result.events

    async def command(
        self,
        request: Request,
        plan: Callable[[Context[F]], Iterable[Effect]],
        *,
        body: BaseModel | None = None,
        id: UUID | None = None,
        answer: Answer | None = None,
        once: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
        about: tuple[UUID, ...] = (),
    ) -> Response:
        """One command; what it did is stored when this returns. `once`: of an answer, what the
        first says besides; that is not kept, and no later one says it. `about`: see `Item`. Raises
        Refused and Busy."""
        status = request.scope["route"].status_code or 200
        if id is not None:
            check_id(id)
        work = self._work(request, Item(plan, body, id, answer, about), status)
        await self._offer(request, [work])
        failpoints.reach("before_answer")
        answered = answered_by(work)
        status = answered.status if answered.first else 200
        version = answered.body.get("version")
        headers = {"ETag": f'"{version}"'} if version is not None else None
        told = answered.body
        if once and answered.first:
            told = {**told, **once(told)}
        return JSONResponse(told, status, headers)

    async def tell(
        self,
        request: Request,
        decider: Decider[Any, Any, Any],
        id: UUID,
        make: Callable[[datetime], Any],
        body: BaseModel | None = None,
        about: tuple[UUID, ...] = (),
    ) -> Response:
        """A command made of the time alone, to one aggregate at the version that If-Match names."""
        version = expected(request)

        def plan(context: Context[F]) -> Iterable[Effect]:
            return (decider.to(id, make(context.now), expected=version),)

        answer = version_of(decider, id)
        return await self.command(request, plan, body=body, answer=answer, about=about)

    async def commands(
        self, request: Request, bodies: Sequence[Any], make: Callable[[Any], Item]
    ) -> Response:
        """A batch: 200, and for each item in turn a `status` with its answer or its problem.

        `bodies`: of `Each`; `make` is called for those that are not `Faulty`.
        """
        told_key(request)
        works = [self._try_work(request, body, make, n) for n, body in enumerate(bodies)]
        await self._offer(request, works)
        language = language_of(request.headers)
        answers = zip(bodies, works, strict=True)
        return JSONResponse({"items": [self._item(*answer, language) for answer in answers]})

    async def _offer(self, request: Request, works: Sequence[Work]) -> None:
        await self._writer.offer(works)
        recorded(request)

    def _try_work(self, request: Request, body: Any, make: Callable[[Any], Item], n: int) -> Work:
        try:
            if isinstance(body, Faulty):
                raise Refused("invalid", status=422)
            return self._work(request, make(body), 201, n)
        except Refused as refusal:
            return self._refusal(request, refusal)

    def _item(self, body: Any, work: Work, language: str) -> Mapping[str, Any]:
        try:
            answered = answered_by(work)
        except Refused as refusal:
            problem = self._texts.problem(refusal, language)
            if isinstance(body, Faulty):
                problem["errors"] = self._texts.faults(body.errors, language)
            return {"status": refusal.status, "problem": problem}
        return {"status": answered.status if answered.first else 200, **answered.body}

    def _work(self, request: Request, item: Item, status: int, n: int | None = None) -> Work:
        caller, key = caller_of(request), key_of(request, item.id, n)
        is_told = item.id is None and told_key(request) is not None
        once = Asked(
            source=source_of(request, caller.actor),
            key=key,
            digest=digest_of(request, item.body),
            status=status,
            answer=item.answer or first_aggregate,
            scope=caller.scope,
            is_told=is_told,
        )
        cause = cause_of(request, caller.actor, key, self.service)
        return Work(
            item.plan, cause, request=once, entry=entry_of_item(asked(request), item, cause)
        )


def _told(request: Request, entry: Entry, look: Reading) -> Sequence[Any]:
    """The row of audit of a read that is answered. Where it looked for an id and shows nothing,
    that is not there for who asks (row P17)."""
    if entry.ids and not request.path_params and not look.ids:
        return entry.row("denied", "not_found")
    return entry._replace(fields=" ".join(look.fields)).row("done", ids=look.ids)
