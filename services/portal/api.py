"""HTTP of the portal: parse, submit, answer. No rule of the domain.

What is signed in or out with holds secrets: nothing of it is kept for a second answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from libs.city import City
from libs.common.callers import EVERYTHING
from libs.common.contracts.portal import AccountEnabled, AccountReset
from libs.common.http import (
    CHANGED,
    DOOR,
    KEEPS_NOTHING,
    Desk,
    Limit,
    address_of,
    answers,
    expected,
    page,
)
from libs.common.messages import Effect, Envelope
from libs.rights.tokens import unauthorised
from services.portal import api_access, api_devices, api_provider, policies, proofs, queries
from services.portal.answers import (
    AccessToken,
    AccountShown,
    Activated,
    Invited,
    Me,
    Opened,
    SignedIn,
)
from services.portal.bodies import (
    AccountBody,
    ActivationBody,
    PasswordBody,
    RefreshBody,
    SignInBody,
)
from services.portal.callers import account_of, session_of
from services.portal.domain import ACCOUNT, commands
from services.portal.domain.account import Account, AccountStatus
from services.portal.door import Door
from services.portal.proofs import Passwords
from services.portal.signing import Tokens, is_signed_in
from services.portal.tries import Tries

Portal = Desk[City]
NOT_KEPT = {"Cache-Control": "no-store"}


def routes(desk: Portal) -> APIRouter:
    router, tries = desk.router(), Tries()
    tokens = Tokens(desk.settings.tokens if desk.settings else None)
    door = Door(desk, Passwords(), tokens)
    _sessions(router, desk, tokens)
    _door(router, door, tries)
    api_provider.add_routes(router, door, tries)
    _opening(router, desk, door)
    _steps(router, desk)
    _reads(router, desk)
    api_devices.add_routes(router, desk)
    api_access.add_routes(router, desk)
    return router


def _door(router: APIRouter, door: Door, tries: Tries) -> None:
    @router.post("/sign-in", status_code=201, openapi_extra=DOOR, responses=answers(SignedIn, 201))
    async def sign_in(request: Request, body: SignInBody) -> Response:
        """A session of 12 hours. Whatever is wrong: 401, and no hint what."""
        tries.take(address_of(request))
        return JSONResponse(await door.sign_in(request, body), 201, NOT_KEPT)

    @router.post("/accounts/activate", openapi_extra=DOOR, responses=answers(Activated))
    async def activate_account(request: Request, body: ActivationBody) -> Mapping[str, Any]:
        """Whoever is invited chooses a password, and where codes come from."""
        tries.take(address_of(request))
        return {"id": await door.activate(request, body)}

    @router.post("/accounts/password", status_code=204, openapi_extra=KEEPS_NOTHING)
    async def change_password(request: Request, body: PasswordBody) -> None:
        """One's own. All other sessions end."""
        tries.take(address_of(request))
        await door.change_password(request, account_of(request), session_of(request), body)


def _sessions(router: APIRouter, desk: Portal, tokens: Tokens) -> None:
    @router.post("/refresh", openapi_extra=DOOR, responses=answers(AccessToken))
    async def refresh_token(body: RefreshBody) -> Response:
        """A new access token, while the session is open."""
        bearer = tokens.keyring.read(body.refresh_token, "refresh")
        async with desk.looking() as connection:
            account = await _signed_in(connection, bearer.account, bearer.session, desk)
        return JSONResponse(tokens.anew(account, bearer), headers=NOT_KEPT)

    @router.post("/sign-out", status_code=204, openapi_extra=KEEPS_NOTHING)
    async def sign_out(request: Request) -> None:
        """The session of this token ends."""
        account, session = account_of(request), session_of(request)

        def plan(now: policies.Now) -> Iterable[Effect]:
            return (ACCOUNT.to(account, commands.RevokeSession(now.now, session, "signed_out")),)

        await desk.done(request, plan)

    @router.get("/me", responses=answers(Me))
    async def show_me(request: Request) -> Mapping[str, Any]:
        """One's own account, this session of it, and the posts held now."""
        id, session = account_of(request), session_of(request)
        async with desk.reading(request, EVERYTHING) as look:
            account = await _signed_in(look.connection, id, session, desk)
            names = {"person_ref": account.person_ref, "founder": account.founder}
            posts = _posts(account, desk)
            told = {"account": id, **names, "session": account.session(session), "posts": posts}
            return look.one(told)


def _posts(account: Account, desk: Portal) -> list[Mapping[str, Any]]:
    now, person = desk.context(), account.person_ref
    return [
        {"role": seat.role, "area": seat.area, "organisation": seat.organisation}
        for seat in (now.facts.seats(person, now.now) if person else ())
    ]


async def _signed_in(
    connection: queries.Connection, id: UUID, session: UUID, desk: Portal
) -> Account:
    """The account, if that session of it is open. Raises Refused, 401."""
    account = await queries.state(connection, id)
    if account is None or not is_signed_in(account, session, desk.context().now):
        raise unauthorised()
    return account


def _opening(router: APIRouter, desk: Portal, door: Door) -> None:
    @router.post("/accounts", status_code=201, responses=answers(Opened, 201, etag=True))
    async def open_account(request: Request, body: AccountBody) -> Response:
        """The first answer holds an invitation, good for 7 days; no other does."""
        name = await door.name_id(body.name)
        invitation, hash = proofs.invite()
        kind = (body.founder, body.second_factor)
        asked = policies.Asked(name, body.person_ref, *kind, hash)
        return await desk.command(
            request,
            lambda now: policies.open_account(asked, now),
            body=body.model_copy(update={"name": str(name)}),
            once=lambda _: {"invitation": invitation},
        )

    @router.post("/accounts/{id}/enable", responses=answers(Invited, etag=True))
    async def enable_account(request: Request, id: UUID) -> Response:
        """By another than who disabled it. Whoever never activated it is invited again."""
        return await _inviting(request, desk, id, commands.Enable)

    @router.post("/accounts/{id}/reset", responses=answers(Invited, etag=True))
    async def reset_account(request: Request, id: UUID) -> Response:
        """By another, for whoever lost a password or a phone: invited again, all sessions ended."""
        return await _inviting(request, desk, id, commands.Reset)


async def _inviting(
    request: Request, desk: Portal, id: UUID, step: type[commands.Enable] | type[commands.Reset]
) -> Response:
    """The first answer holds an invitation, where the step makes one."""
    by, version = account_of(request), expected(request)
    invitation, hash = proofs.invite()

    def plan(now: policies.Now) -> Iterable[Effect]:
        return (ACCOUNT.to(id, step(now.now, by, hash), expected=version),)

    def once(told: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"invitation": invitation} if told["invited_until"] else {}

    return await desk.command(request, plan, answer=_invited, once=once)


def _invited(events: Sequence[Envelope]) -> Mapping[str, Any]:
    last = events[-1]
    assert isinstance(last.event, AccountEnabled | AccountReset)
    until = last.event.invited_until
    return {
        "id": str(last.subject),
        "version": last.version,
        "invited_until": until and until.isoformat(),
    }


def _steps(router: APIRouter, desk: Portal) -> None:
    @router.post("/accounts/{id}/unlock", responses=CHANGED)
    async def unlock_account(request: Request, id: UUID) -> Response:
        by = account_of(request)
        return await desk.tell(request, ACCOUNT, id, lambda at: commands.Unlock(at, by))

    @router.post("/accounts/{id}/disable", responses=CHANGED)
    async def disable_account(request: Request, id: UUID) -> Response:
        """All of its sessions end. Not one's own, and not that of the last founder."""
        by, version = account_of(request), expected(request)
        async with desk.looking() as connection:
            successor = await queries.successor(connection, id)
        told = (id, by, successor, version)
        return await desk.command(request, lambda now: policies.disable_account(*told, now))

    @router.post("/accounts/{id}/revoke-sessions", responses=CHANGED)
    async def revoke_sessions(request: Request, id: UUID) -> Response:
        return await desk.tell(request, ACCOUNT, id, commands.RevokeSessions)


def _reads(router: APIRouter, desk: Portal) -> None:
    @router.get("/accounts", responses=answers(page(AccountShown)))
    async def list_accounts(
        request: Request,
        status: AccountStatus | None = None,
        founder: bool | None = None,
        person_ref: UUID | None = None,
        limit: Limit = 100,
        after: UUID = queries.FIRST,
    ) -> Mapping[str, Any]:
        async with desk.reading(request) as look:
            id = policies.account_of(person_ref) if person_ref else None
            rows = await queries.accounts(
                look.connection, after=after, limit=limit, status=status, founder=founder, id=id
            )
            return look.page(rows, limit, "id")

    @router.get("/accounts/{id}", responses=answers(AccountShown, etag=True))
    async def show_account(request: Request, id: UUID, response: Response) -> Mapping[str, Any]:
        async with desk.reading(request) as look:
            return look.one(await queries.account(look.connection, id), response)
