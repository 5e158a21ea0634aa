"""Where a request becomes a work for the writer, and its result an answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from libs.common import failpoints, keys
from libs.common.callers import EVERYTHING, NOBODY, Scope
from libs.common.http.batches import Faulty
from libs.common.http.guards import Guard, caller_of, let_in
from libs.common.http.problems import Texts, language_of
from libs.common.http.quotas import Quotas
from libs.common.http.requests import (
    address_of,
    cause_of,
    digest_of,
    expected,
    key_of,
    source_of,
    told_key,
)
from libs.common.http.routes import guarded
from libs.common.ids import uuid7
from libs.common.keys import Keys
from libs.common.messages import Context, Decider, Effect, Envelope, Refused
from libs.common.work import Answered, Done, Work
from libs.common.work import Request as Asked
from libs.common.writer import Writer

F = TypeVar("F")

SET_SCOPE = "SELECT set_config('civicgrid.scope', $1, true)"

Answer = Callable[[Sequence[Envelope]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Item:
    """One command of a batch, with its own id and its own answer."""

    plan: Callable[[Context[Any]], Iterable[Effect]]
    body: BaseModel | None = None
    id: UUID | None = None
    answer: Answer | None = None


class Desk(Generic[F]):
    """`quotas`: of accounts and of addresses. `sealing`: the keys of sealed content, for services
    that have any. `tokens`: the folder of keys of access tokens."""

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
        tokens: Path | None = None,
    ) -> None:
        self.service, self.tokens = service, tokens
        self._writer, self._readers, self._texts = writer, readers, texts
        self._guard, self._quotas, self._sealing = guard, quotas, sealing

    def router(self) -> APIRouter:
        """For all routes of this service."""
        return APIRouter(route_class=guarded(self.admit))

    async def admit(self, request: Request) -> None:
        """Before each route. Raises Refused for whoever may not ask this, or not so often."""
        self._quotas.addresses.take(address_of(request))
        caller = self._guard(request, self.context())
        if caller is not NOBODY:
            self._quotas.accounts.take(caller.actor)
        let_in(request, caller)

    def context(self) -> Context[F]:
        """Facts and time, as they are now."""
        return self._writer.context()

    @asynccontextmanager
    async def reading(self, request: Request) -> AsyncIterator[asyncpg.Connection[Any]]:
        """A session of the reader, in a transaction that cannot write and sees what is in the scope
        of who asks."""
        async with self._seeing(caller_of(request).scope) as connection:
            yield connection

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[asyncpg.Connection[Any]]:
        """As `reading`, for what the service itself must know before it knows who asks: all."""
        async with self._seeing(EVERYTHING) as connection:
            yield connection

    @asynccontextmanager
    async def _seeing(self, scope: Scope) -> AsyncIterator[asyncpg.Connection[Any]]:
        async with (
            self._readers.acquire(timeout=5) as connection,
            connection.transaction(readonly=True),
        ):
            await connection.execute(SET_SCOPE, scope.setting())
            yield cast("asyncpg.Connection[Any]", connection)

    async def unsealed(self, subject: UUID, sealed: str | None) -> Mapping[str, Any]:
        """What an event of `subject` has in its column `sealed`; empty where that is nothing, or
        its key is gone. The key is looked for in any case."""
        assert self._sealing
        key = (await self._sealing.get([subject])).get(subject)
        if key is None or sealed is None:
            return {}
        content = json.loads(sealed).get(str(subject))
        return cast(Mapping[str, Any], keys.unseal(key, subject, content)) if content else {}

    async def alias(self, subject: UUID, name: str) -> UUID:
        """The same id for the same name, made with the key of `subject`: it tells nobody else
        what the name is, and nothing at all once the key is gone."""
        assert self._sealing
        return await self._sealing.alias(subject, name)

    async def done(
        self, request: Request, plan: Callable[[Context[F]], Iterable[Effect]]
    ) -> Sequence[Envelope]:
        """One command that holds a secret or is answered with one, so that nothing of it is kept:
        sent again, it is done again. What happened. Raises Refused and Busy."""
        cause = cause_of(request, caller_of(request).actor, str(uuid7()), self.service)
        work = Work(plan, cause)
        await self._writer.offer([work])
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
        created: bool = False,
        answer: Answer | None = None,
        once: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
    ) -> Response:
        """One command; what it did is stored when this returns. `once`: of an answer, what the
        first says besides; that is not kept, and no later one says it. Raises Refused and Busy."""
        work = self._work(request, Item(plan, body, id, answer), 201 if created else 200)
        await self._writer.offer([work])
        failpoints.reach("before_answer")
        answered = _answered(work)
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
    ) -> Response:
        """A command made of the time alone, to one aggregate at the version that If-Match names."""
        version = expected(request)

        def plan(context: Context[F]) -> Iterable[Effect]:
            return (decider.to(id, make(context.now), expected=version),)

        return await self.command(request, plan, body=body)

    async def commands(
        self, request: Request, bodies: Sequence[Any], make: Callable[[Any], Item]
    ) -> Response:
        """A batch: 200, and for each item in turn a `status` with its answer or its problem.

        `bodies`: of `Each`; `make` is called for those that are not `Faulty`.
        """
        told_key(request)
        works = [self._try_work(request, body, make, n) for n, body in enumerate(bodies)]
        await self._writer.offer([work for work in works if isinstance(work, Work)])
        language = language_of(request)
        return JSONResponse({"items": [self._entry(work, language) for work in works]})

    def _try_work(
        self, request: Request, body: Any, make: Callable[[Any], Item], n: int
    ) -> Work | Faulty | Refused:
        if isinstance(body, Faulty):
            return body
        try:
            return self._work(request, make(body), 201, n)
        except Refused as refusal:
            return refusal

    def _entry(self, work: Work | Faulty | Refused, language: str) -> Mapping[str, Any]:
        if isinstance(work, Faulty):
            problem = self._texts.problem(Refused("invalid", status=422), language)
            errors = self._texts.faults(work.errors, language)
            return {"status": 422, "problem": {**problem, "errors": errors}}
        try:
            answered = _answered(work) if isinstance(work, Work) else _raise(work)
        except Refused as refusal:
            problem = self._texts.problem(refusal, language)
            return {"status": refusal.status, "problem": problem}
        return {"status": answered.status if answered.first else 200, **answered.body}

    def _work(self, request: Request, item: Item, status: int, n: int | None = None) -> Work:
        caller, key = caller_of(request), key_of(request, item.id, n)
        asked = Asked(
            source=source_of(request, caller.actor),
            key=key,
            digest=digest_of(request, item.body),
            status=status,
            answer=item.answer or _first_aggregate,
            scope=caller.scope,
        )
        return Work(item.plan, cause_of(request, caller.actor, key, self.service), request=asked)


def _first_aggregate(events: Sequence[Envelope]) -> Mapping[str, Any]:
    """The aggregate that changed first, and its version now; nothing where nothing changed."""
    if not events:
        return {}
    id = events[0].subject
    version = max(event.version for event in events if event.subject == id)
    return {"id": str(id), "version": version}


def _answered(work: Work) -> Answered:
    if isinstance(work.result, Refused):
        raise work.result
    assert isinstance(work.result, Answered), work.result
    return work.result


def _raise(refusal: Refused) -> Answered:
    raise refusal
