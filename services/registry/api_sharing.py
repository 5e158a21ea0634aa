"""HTTP of what the police share. No list, and no answer but one, says what is in an entry."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from joserfc.jwk import ECKey

from libs.city import City, calendar
from libs.common.http import (
    CHANGED,
    FOR_A_PURPOSE,
    Limit,
    answers,
    caller_of,
    case_of,
    not_found,
    page,
    takes,
)
from libs.common.http.requests import PURPOSE
from libs.common.ids import own
from libs.common.messages import Refused
from libs.privacy.register import registered
from services.registry import queries, sharing, sharing_faults, sources
from services.registry.answers import (
    INSIDE,
    Answered,
    Category,
    EntryListed,
    EntryOpened,
    OwnPapers,
    Papers,
    Registry,
    answer_of,
    one,
)
from services.registry.bodies import (
    RejectionBody,
    RetainBody,
    SharedBatchBody,
    WithdrawalBody,
)
from services.registry.domain.shared_batch import (
    SHARED_BATCH,
    Approve,
    BatchStatus,
    Refuse,
    Reject,
    place,
)
from services.registry.domain.shared_entry import SHARED_ENTRY, EntryStatus, Retain, Withdraw
from services.registry.sharing_faults import ASSESSMENT, Known

FIRST = UUID(int=0)
BATCHES = own("shared batches")
"""Whose key makes the ids of batches: they tell nobody what is in one."""
MOST_KEPT = 100
"""Of the reasons for which a batch was refused; its sender is told all of them."""
LISTED = ("id", "status", "community", "expires_at", "delete_at", "was_retained", "version")


def _person(request: Request) -> UUID:
    """Who asks, as the registry knows them. The founder, who has no post, may share nothing."""
    person = caller_of(request).person
    if person is None:
        raise not_found()
    return person


def _submission(router: APIRouter, desk: Registry) -> None:
    @router.post(
        "/shared-batches",
        status_code=201,
        openapi_extra=takes(2),
        responses=answers(Answered, 201, etag=True),
    )
    async def submit_batch(request: Request, body: SharedBatchBody) -> Response:
        """By one person, to be approved by another (row R14). All that is wrong is told at once;
        of what is refused its id and the reasons are kept, and nothing else. A source numbers its
        documents: the same number again is the same batch, or 409."""
        person, context = _person(request), desk.context()
        community = _community(request, context.facts, body)
        digest = sources.digest(json.loads(await request.body()))
        keys = _keys(desk, body.source)
        key = sources.signer(keys, body.source or "", body.signature or "", digest)
        signed = key is not None if keys else None
        known = Known(context.facts, registered(), context.now, person, signed)
        id = await desk.alias(BATCHES, f"document/{body.source}/{body.document}")
        content = await desk.alias(BATCHES, f"content/{_content(body)}")
        faults = sharing_faults.found(body, known)
        if faults and not await _is_taken(desk, id, content):
            await _refuse(desk, request, digest, community, faults)
        papers: dict[str, Any] = {"content": content, "thumbprint": key.thumbprint() if key else ""}
        plan = partial(sharing.submit, id=id, batch=body, known=known, **papers)
        return await desk.command(request, plan, body=body, answer=answer_of(id, body.document))


async def _is_taken(desk: Registry, id: UUID, content: UUID) -> bool:
    """What is wrong by now with a batch that was taken is told, unless it is the same request; it
    is no refused one."""
    async with desk.looking() as connection:
        found = await queries.batch(connection, id)
    return found is not None and found["content"] == str(content)


def _community(request: Request, city: City, body: SharedBatchBody) -> str | None:
    """Of the area that a batch is for. What is for one outside their scope is not looked into."""
    area = city.area(body.area or "")
    if area is None or area.community is None:
        return None
    if not caller_of(request).scope.holds(place(area.community)):
        raise not_found()
    return area.community


def _keys(desk: Registry, source: str | None) -> list[ECKey]:
    """None of them where the source is not known."""
    if source is None or desk.settings is None:
        return []
    return sources.keys_of(desk.settings.tokens, source)


def _content(body: SharedBatchBody) -> str:
    """The same however it is written: with other offsets of time, or fields that say nothing."""
    return sources.digest(body.model_dump(mode="json", exclude_none=True))


async def _refuse(
    desk: Registry,
    request: Request,
    digest: str,
    community: str | None,
    faults: Sequence[sharing_faults.Fault],
) -> None:
    """Under an id of its own: a better one with its number may come from whoever may send it."""
    id = await desk.alias(BATCHES, f"refused/{digest}")
    told = [f"{fault.path.replace('/', '.').strip('.')}:{fault.code}" for fault in faults]
    reasons = tuple(told[:MOST_KEPT])
    plan = one(lambda now: SHARED_BATCH.to(id, Refuse(now.now, community, reasons)))
    await desk.done(request, plan, code="batch_refused")
    raise sharing_faults.refused(faults)


def _decisions(router: APIRouter, desk: Registry) -> None:
    @router.post("/shared-batches/{id}/approve", responses=CHANGED)
    async def approve_batch(request: Request, id: UUID) -> Response:
        """By another person than who issued or submitted it; its entries are in force from now on.
        What it was taken by must hold still: assessment, basis, and what its source signs with."""
        by = _person(request)
        async with desk.looking(caller_of(request).scope) as connection:
            found = await queries.batch(connection, id)
            sealed = await queries.first_sealed(connection, id)
        told = await desk.unsealed(id, sealed)
        if found and found["status"] == "submitted":
            if not told:
                raise Refused("content_erased", allowed=("reject_batch",))
            _check_signed(desk, found)
            _check_allowed(desk, told)
        return await desk.tell(request, SHARED_BATCH, id, lambda at: Approve(at, by))

    @router.post("/shared-batches/{id}/reject", responses=CHANGED)
    async def reject_batch(request: Request, id: UUID, body: RejectionBody) -> Response:
        by = _person(request)
        return await desk.tell(
            request, SHARED_BATCH, id, lambda at: Reject(at, by, body.reason), body
        )


def _check_signed(desk: Registry, batch: Mapping[str, Any]) -> None:
    keys = _keys(desk, batch["source"])
    if batch["thumbprint"] not in {key.thumbprint() for key in keys}:
        raise Refused("source_key_gone", status=422, path="/source", allowed=("reject_batch",))


def _check_allowed(desk: Registry, told: Mapping[str, Any]) -> None:
    """Raises Refused where nothing may be done with what is of this category (rows P1, P15)."""
    context, category = desk.context(), told["category"]
    day = (registered(), calendar.day_of(context.now, context.facts.calendar))
    if not sharing_faults.is_assessed(category, *day):
        raise Refused(ASSESSMENT, status=422, path="/category")
    if not sharing_faults.has_basis(category, *day):
        raise Refused("basis_over", status=422, path="/basis")


def _endings(router: APIRouter, desk: Registry) -> None:
    @router.post("/shared-entries/{id}/retain", responses=CHANGED)
    async def retain_entry(request: Request, id: UUID, body: RetainBody) -> Response:
        """Needed still: once, and for no longer again than at first (row P8)."""
        told = (_person(request), body.until, body.reason)
        async with desk.looking(caller_of(request).scope) as connection:
            found = await queries.entry(connection, id)
            sealed = await queries.first_sealed(connection, id)
        says = await desk.unsealed(id, sealed)
        if found and says:
            _check_allowed(desk, says)
        return await desk.tell(request, SHARED_ENTRY, id, lambda at: Retain(at, *told), body)

    @router.post("/shared-entries/{id}/withdraw", responses=CHANGED)
    async def withdraw_entry(request: Request, id: UUID, body: WithdrawalBody) -> Response:
        """It is hidden at once, and gone for good; where a legal hold is on it, once that is
        released."""
        by = _person(request)
        return await desk.tell(
            request, SHARED_ENTRY, id, lambda at: Withdraw(at, by, body.reason), body
        )


def _batches(router: APIRouter, desk: Registry) -> None:
    @router.get("/shared-batches", responses=answers(page(Papers)))
    async def list_batches(
        request: Request,
        response: Response,
        status: BatchStatus | None = None,
        limit: Limit = 100,
        after: UUID = FIRST,
    ) -> Mapping[str, Any]:
        """Their papers; city-wide, of those alone that wait to be decided."""
        _keep_nothing(response)
        wanted: dict[str, Any] = {"after": after, "limit": limit, "status": status}
        async with desk.reading(request) as look:
            waits = _is_of_the_city(request)
            rows = await queries.batches(look.connection, only_waiting=waits, **wanted)
            return look.page([_papers(row) for row in rows], limit, "id")

    @router.get("/shared-batches/{id}", responses=answers(OwnPapers, etag=True))
    async def show_batch(request: Request, id: UUID, response: Response) -> Mapping[str, Any]:
        """Its papers, and how many entries it has; which these are, in the order in which they
        came, for who issued it."""
        _keep_nothing(response)
        async with desk.reading(request) as look:
            waits = _is_of_the_city(request)
            found = await queries.batch(look.connection, id, only_waiting=waits)
            if found is None:
                raise not_found()
            is_theirs = found["issued_by"] == str(caller_of(request).person)
            entries = {"entries": found["entries"]} if is_theirs else {}
            return look.one({**_papers(found), **entries}, response)

    @router.get(
        "/shared-batches/{id}/category",
        openapi_extra=FOR_A_PURPOSE,
        responses=answers(Category, etag=True),
    )
    async def show_category(request: Request, id: UUID, response: Response) -> Mapping[str, Any]:
        """What a batch is of, and what for, for who may approve it, until somebody decides or its
        time is over; the case at hand is the batch itself (row P5)."""
        _keep_nothing(response)
        async with desk.reading(request) as look:
            found = await queries.batch_to_decide(look.connection, id, desk.context().now)
            told = await desk.unsealed(id, await queries.first_sealed(look.connection, id))
            if not (found and told) or case_of(request) != id:
                raise not_found()
            if str(caller_of(request).person) in (found["submitted_by"], found["issued_by"]):
                raise not_found()
            return look.one({"id": id, **told, "version": found["version"]}, response)


def _is_of_the_city(request: Request) -> bool:
    return caller_of(request).scope.everything


def _papers(batch: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in batch.items() if name not in INSIDE}
    return {**told, "count": len(batch["entries"])}


def _keep_nothing(response: Response) -> None:
    """On the way."""
    response.headers["Cache-Control"] = "no-store"


def _entries(router: APIRouter, desk: Registry) -> None:
    @router.get("/shared-entries", responses=answers(page(EntryListed)))
    async def list_entries(
        request: Request,
        response: Response,
        status: EntryStatus = "active",
        limit: Limit = 100,
        after: UUID = FIRST,
    ) -> Mapping[str, Any]:
        """References and terms, never what they are about (row R15)."""
        _keep_nothing(response)
        wanted: dict[str, Any] = {"after": after, "limit": limit, "status": status}
        async with desk.reading(request) as look:
            rows = await queries.entries(look.connection, at=desk.context().now, **wanted)
            return look.page([{name: row[name] for name in LISTED} for row in rows], limit, "id")

    @router.get(
        "/shared-entries/{id}",
        openapi_extra=FOR_A_PURPOSE,
        responses=answers(EntryOpened, etag=True),
    )
    async def show_entry(request: Request, id: UUID, response: Response) -> Mapping[str, Any]:
        """What it says, while it is in force, for the purpose of its category; the case at hand is
        the entry itself (rows P5, R15)."""
        _keep_nothing(response)
        async with desk.reading(request) as look:
            found = await queries.entry_in_force(look.connection, id, desk.context().now)
            if found is None or case_of(request) != id:
                raise not_found()
            told = await desk.unsealed(id, await queries.first_sealed(look.connection, id))
            if not told or told["purpose"] != request.headers[PURPOSE]:
                raise not_found()
            _check_allowed(desk, told)
            return look.one({**found, **told}, response)


SHARING = (_submission, _decisions, _endings, _batches, _entries)
