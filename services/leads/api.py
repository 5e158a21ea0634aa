"""HTTP of leads: parse, submit, answer. No rule of the domain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from fastapi import APIRouter, Request, Response

from libs.common.contracts.leads import LeadCaptured, LeadRouted
from libs.common.http import (
    CHANGED,
    FOR_A_PURPOSE,
    MAY_MATCH,
    Changed,
    Desk,
    Item,
    Limit,
    Story,
    answers,
    batch,
    caller_of,
    case_of,
    check_id,
    either,
    expected,
    not_found,
    page,
    takes,
)
from libs.common.ids import id_of, named, uuid7
from libs.common.journal import party_of
from libs.common.messages import Envelope
from services.leads import policies, queries, reviews
from services.leads.answers import (
    Content,
    Explained,
    LeadExplained,
    LeadMasked,
    LeadShown,
    Placed,
    Review,
    Rules,
    RulesInForce,
    Supervision,
)
from services.leads.bodies import (
    ImportBatch,
    ImportedBody,
    KeepBody,
    LeadBatch,
    LeadBody,
    OutcomeBody,
    ReasonBody,
    ReturnBody,
    RulesBody,
    UnitBody,
)
from services.leads.domain import LEAD, commands
from services.leads.domain.retention import OpenStatus
from services.leads.domain.transitions import LEGAL, LeadStatus
from services.leads.facts import Facts
from services.leads.masking import check_filters, masked
from services.leads.policies import Now
from services.leads.rules import ROUTING

Leads = Desk[Facts]
RULES = named("routing_rules")


def routes(desk: Leads) -> APIRouter:
    router = desk.router()
    for part in (_capture, _lists, _one, _steps, _choices, _endings, _reviews, _rules):
        part(router, desk)
    return router


def _capture(router: APIRouter, desk: Leads) -> None:
    @router.post("/leads", status_code=201, responses=answers(Placed, 201, etag=True))
    async def capture_lead(request: Request, body: LeadBody) -> Response:
        """Capture a lead: 201, and where it went. The same again: 200 and the first answer."""
        item = _captured(body, id_of(caller_of(request).actor))
        return await desk.command(request, item.plan, body=body, id=item.id, answer=item.answer)

    @router.post("/leads/batch", responses=answers(batch(Placed)))
    async def capture_leads(request: Request, batch: LeadBatch) -> Response:
        """Up to 500, each answered by itself."""
        by = id_of(caller_of(request).actor)
        return await desk.commands(request, batch.items, lambda body: _captured(body, by))

    @router.post("/leads/import", openapi_extra=takes(8), responses=answers(batch(Placed)))
    async def import_leads(request: Request, batch: ImportBatch) -> Response:
        """Up to 500 leads with their history from elsewhere; they set no timers."""
        return await desk.commands(request, batch.items, _imported)


def _captured(body: LeadBody, by: UUID | None) -> Item:
    id, told = check_id(body.id or uuid7()), body.told(by)
    return Item(lambda now: (policies.capture(now, id, told),), body, body.id, _placed(id))


def _imported(body: ImportedBody) -> Item:
    told = body.told()
    id = policies.lead_id(body.source, body.source_number)
    return Item(lambda now: (policies.capture(now, id, told),), body, id, _placed(id))


def _placed(id: UUID) -> Callable[[Sequence[Envelope]], Mapping[str, Any]]:
    """Where it went; `candidates` are communities to choose from, near a border (row L16)."""

    def answer(made: Sequence[Envelope]) -> Mapping[str, Any]:
        told: dict[str, Any] = {"id": str(id)}
        for envelope in made:
            if envelope.subject == id:
                told |= {"version": envelope.version, "state": envelope.event.type.split(".")[1]}
            match envelope.event:
                case LeadCaptured(cell=cell, kind=kind, candidates=candidates):
                    told |= {"kind": kind, "cell": cell, "candidates": candidates}
                case LeadRouted(unit=unit, unit_kind=unit_kind, police_room=room):
                    told |= {"unit": unit, "unit_kind": unit_kind, "police_room": room}
        return told

    return answer


def _lists(router: APIRouter, desk: Leads) -> None:
    @router.get("/leads", responses=answers(page(either(LeadShown, LeadMasked))))
    async def list_leads(
        request: Request,
        unit: str | None = None,
        community: str | None = None,
        status: LeadStatus | None = None,
        source_number: str | None = None,
        neighbours: bool = False,
        limit: Limit = 100,
        after: UUID = queries.FIRST,
    ) -> Mapping[str, Any]:
        """With `neighbours`: open leads of others near the border instead, masked; `unit` and
        `source_number` are then not asked for (row P18)."""
        wanted: dict[str, Any] = {"after": after, "limit": limit}
        wanted |= {"community": community, "status": status}
        hidden: dict[str, Any] = {"unit": unit, "source_number": source_number}
        if neighbours:
            check_filters(hidden)
        async with desk.reading(request) as look:
            if neighbours:
                city = desk.context().facts.city
                theirs = await queries.neighbours(look.connection, **wanted)
                rows = [masked(row, city) for row in theirs]
            else:
                rows = await queries.leads(look.connection, **wanted, **hidden)
            return look.page(rows, limit, "id")

    @router.get("/unrouted-leads", responses=answers(page(LeadShown)))
    async def list_unrouted(
        request: Request, limit: Limit = 100, after: UUID = queries.FIRST
    ) -> Mapping[str, Any]:
        """Leads that no rule could route, the oldest first (row L15)."""
        async with desk.reading(request) as look:
            rows = await queries.unrouted(look.connection, after=after, limit=limit)
            return look.page(rows, limit, "id")

    @router.get("/supervisions", responses=answers(page(Supervision)))
    async def list_supervisions(
        request: Request, unit: str | None = None, limit: Limit = 100, after: UUID = queries.FIRST
    ) -> Mapping[str, Any]:
        """Cards for units that let a limit pass."""
        async with desk.reading(request) as look:
            rows = await queries.supervisions(look.connection, after=after, limit=limit, unit=unit)
            return look.page(rows, limit, "id")


def _one(router: APIRouter, desk: Leads) -> None:
    @router.get("/leads/{id}", responses=answers(either(LeadExplained, LeadMasked), etag=True))
    async def show_lead(request: Request, id: UUID, response: Response) -> Mapping[str, Any]:
        """A lead as it is, and why it went where it went; masked, where a neighbour sees it."""
        async with desk.reading(request) as look:
            found = await queries.lead(look.connection, id)
            if found is None and (theirs := await queries.neighbour(look.connection, id)):
                found = masked(theirs, desk.context().facts.city)
            return look.one(found, response)

    @router.get("/leads/{id}/routing", responses=answers(Explained))
    async def show_routing(request: Request, id: UUID) -> Mapping[str, Any]:
        """Rule set, inputs, and every losing rule with why (row L2). What a person said who chose
        is content."""
        async with desk.reading(request) as look:
            found = await queries.lead(look.connection, id)
            if found is None:
                raise not_found()
            about = {"unit": found["unit"], "status": found["status"]}
            return look.one({**(found["explanation"] or {}), **about})

    @router.get("/leads/{id}/content", openapi_extra=FOR_A_PURPOSE, responses=answers(Content))
    async def show_content(request: Request, id: UUID, response: Response) -> Mapping[str, Any]:
        """What was told of it and by whom, and in `note` what a person said who chose its unit,
        while it is open; the case at hand is the lead itself (rows P5, W19)."""
        async with desk.reading(request) as look:
            found = await queries.lead(look.connection, id)
            if found is None or case_of(request) != id or not LEGAL[found["status"]]:
                raise not_found()
            sealed = await queries.content(look.connection, id)
            told: dict[str, Any] = {"id": id}
            for subject in (id, party_of(id, "reporter")):
                told |= await desk.unsealed(subject, sealed)
            told |= await desk.unsealed(id, await queries.newest_choice(look.connection, id))
            response.headers["Cache-Control"] = "no-store"
            return look.one(told)

    @router.get("/leads/{id}/timeline", responses=answers(Story))
    async def show_timeline(request: Request, id: UUID) -> Mapping[str, Any]:
        """All that happened to it, in order."""
        async with desk.reading(request) as look:
            return look.story(await queries.timeline(look.connection, id))


def _steps(router: APIRouter, desk: Leads) -> None:
    simple: Mapping[str, Callable[[Any], Any]] = {
        "sign": commands.Sign,
        "accept": commands.Accept,
        "verify": commands.Verify,
        "close": commands.Close,
    }

    def step(name: str) -> None:
        @router.post(f"/leads/{{id}}/{name}", name=f"{name}_lead", responses=CHANGED)
        async def take_step(request: Request, id: UUID) -> Response:
            return await desk.tell(request, LEAD, id, simple[name])

    for name in simple:
        step(name)


async def _cell(desk: Leads, request: Request, id: UUID) -> str | None:
    async with desk.looking(caller_of(request).scope) as connection:
        found = await queries.lead(connection, id)
    if found is None:
        raise not_found()
    return cast("str | None", found["cell"])


def _choices(router: APIRouter, desk: Leads) -> None:
    @router.post("/leads/{id}/route", responses=CHANGED)
    async def route_lead(request: Request, id: UUID, body: UnitBody) -> Response:
        """A person chooses the unit of a lead that no rule could route."""
        cell, version = await _cell(desk, request, id), expected(request)
        told = (id, cell, body.unit, body.reason, version)
        return await desk.command(request, lambda now: (policies.override(now, *told),), body=body)

    @router.post("/leads/{id}/arbitrate", responses=CHANGED)
    async def arbitrate_lead(request: Request, id: UUID, body: UnitBody) -> Response:
        """The command centre decides after a second return; the unit cannot return it again."""
        cell, version = await _cell(desk, request, id), expected(request)
        told = (id, cell, body.unit, body.reason, version)
        return await desk.command(request, lambda now: (policies.arbitrate(now, *told),), body=body)

    @router.post("/leads/{id}/return", responses=CHANGED)
    async def return_lead(request: Request, id: UUID, body: ReturnBody) -> Response:
        """Not ours: routed anew at the first return, arbitrated at the second (row L3)."""
        told = (id, body.reason, body.proposed_unit, expected(request))
        return await desk.command(request, lambda now: (policies.give_back(now, *told),), body=body)


def _endings(router: APIRouter, desk: Leads) -> None:
    @router.post("/leads/{id}/feed-back", responses=CHANGED)
    async def feed_back(request: Request, id: UUID, body: OutcomeBody) -> Response:
        return await desk.tell(
            request, LEAD, id, lambda at: commands.FeedBack(at, body.outcome), body
        )

    @router.post("/leads/{id}/order-rework", responses=CHANGED)
    async def order_rework(request: Request, id: UUID, body: ReasonBody) -> Response:
        """It failed verification: back to the unit."""
        return await desk.tell(
            request, LEAD, id, lambda at: commands.OrderRework(at, body.reason), body
        )

    @router.post("/leads/{id}/dismiss", responses=CHANGED)
    async def dismiss_lead(request: Request, id: UUID, body: ReasonBody) -> Response:
        return await desk.tell(
            request, LEAD, id, lambda at: commands.Dismiss(at, body.reason), body
        )


def _reviews(router: APIRouter, desk: Leads) -> None:
    @router.get("/retention-reviews", responses=answers(page(Review)))
    async def list_reviews(
        request: Request,
        status: OpenStatus | None = None,
        limit: Limit = 100,
        after: UUID = queries.FIRST,
    ) -> Mapping[str, Any]:
        """Of leads whose period is over: `due` until they are deleted, or kept once more."""
        async with desk.reading(request) as look:
            rows = await queries.reviews(look.connection, after=after, limit=limit, status=status)
            return look.page(rows, limit, "id")

    @router.post("/retention-reviews/{id}/keep", responses=CHANGED)
    async def keep_content(request: Request, id: UUID, body: KeepBody) -> Response:
        """Needed still: once, and not for longer than its kind may be kept (row P8)."""
        told = (id, body.until, body.reason, expected(request))
        return await desk.command(request, lambda now: (reviews.keep(now, *told),), body=body)


def _rules(router: APIRouter, desk: Leads) -> None:
    @router.post(
        "/routing-rules",
        status_code=201,
        openapi_extra=MAY_MATCH,
        responses=answers(Changed, 201, etag=True),
    )
    async def publish_rules(request: Request, body: RulesBody) -> Response:
        """A new version of the whole ordered set; leads that run keep their route (row L14)."""
        version = expected(request) if "If-Match" in request.headers else None

        def plan(now: Now) -> Any:
            told = (body.rules, body.valid_from, body.assessment, version)
            return (policies.publish_rules(now, RULES, *told),)

        return await desk.command(request, plan, body=body)

    @router.get("/routing-rules", responses=answers(RulesInForce))
    async def show_rules(request: Request) -> Mapping[str, Any]:
        """Those that hold now, and which versions there are."""
        context = desk.context()
        async with desk.reading(request) as look:
            published = await queries.rule_sets(look.connection)
            held = context.facts.rules(context.now).model_dump(mode="json", exclude_none=True)
            return look.one({**held, "published": published})

    @router.get("/routing-rules/{rule_set}", responses=answers(Rules))
    async def show_rule_set(request: Request, rule_set: int) -> Mapping[str, Any]:
        async with desk.reading(request) as look:
            found = await queries.rules(look.connection, rule_set)
            if found is None and rule_set == ROUTING.version:
                found = ROUTING.model_dump(mode="json", exclude_none=True)
            return look.one(found)
