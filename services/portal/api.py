"""HTTP of the portal: parse, submit, answer. No rule of the domain.

What is signed in or out with holds secrets: nothing of it is kept for a second answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from libs.city import City
from libs.common.callers import EVERYTHING
from libs.common.contracts.portal import AccountEnabled, AccountReset
from libs.common.http import DOOR, KEEPS_NOTHING, Desk, Limit, address_of, expected
from libs.common.messages import Effect, Envelope
from libs.rights.guard import bearer_of
from libs.rights.tokens import Bearer, unauthorised
from services.portal import policies, proofs, queries
from services.portal.bodies import (
    AccountBody,
    ActivationBody,
    PasswordBody,
    RefreshBody,
    SignInBody,
)
from services.portal.callers import founder_of
from services.portal.domain import ACCOUNT, commands
from services.portal.domain.account import Account
from services.portal.door import Door
from services.portal.proofs import Passwords
from services.portal.signing import Tokens, is_signed_in
from services.portal.tries import Tries

Portal = Desk[City]
NOT_KEPT = {"Cache-Control": "no-store"}


def routes(desk: Portal) -> APIRouter:
    router, tokens, tries = desk.router(), Tokens(desk.tokens), Tries()
    door = Door(desk, Passwords(), tokens)
    _sessions(router, desk, tokens)
    _door(router, door, tries)
    _opening(router, desk, door)
    _steps(router, desk, tokens)
    _reads(router, desk)
    return router


def _door(router: APIRouter, door: Door, tries: Tries) -> None:
    @router.post("/sign-in", status_code=201, openapi_extra=DOOR)
    async def sign_in(request: Request, body: SignInBody) -> Response:
        """A session of 12 hours. Whatever is wrong: 401, and no hint what."""
        tries.take(address_of(request))
        return JSONResponse(await door.sign_in(request, body), 201, NOT_KEPT)

    @router.post("/accounts/activate", openapi_extra=DOOR)
    async def activate_account(request: Request, body: ActivationBody) -> Mapping[str, Any]:
        """Whoever is invited chooses a password, and where codes come from."""
        tries.take(address_of(request))
        return {"id": await door.activate(request, body)}

    @router.post("/accounts/password", status_code=204, openapi_extra=KEEPS_NOTHING)
    async def change_password(request: Request, body: PasswordBody) -> None:
        """One's own. All other sessions end."""
        bearer = bearer_of(request, door.tokens.keyring)
        tries.take(address_of(request))
        await door.change_password(request, bearer.account, bearer.session, body)


def _sessions(router: APIRouter, desk: Portal, tokens: Tokens) -> None:
    @router.post("/refresh", openapi_extra=DOOR)
    async def refresh_token(body: RefreshBody) -> Response:
        """A new access token, while the session is open."""
        bearer = tokens.keyring.read(body.refresh_token, "refresh")
        async with desk.looking() as connection:
            account = await _signed_in(connection, bearer, desk.context().now)
        return JSONResponse(tokens.anew(account, bearer), headers=NOT_KEPT)

    @router.post("/sign-out", status_code=204, openapi_extra=KEEPS_NOTHING)
    async def sign_out(request: Request) -> None:
        """The session of this token ends."""
        bearer = bearer_of(request, tokens.keyring)

        def plan(now: policies.Now) -> Iterable[Effect]:
            ended = commands.RevokeSession(now.now, bearer.session, "signed_out")
            return (ACCOUNT.to(bearer.account, ended),)

        await desk.done(request, plan)

    @router.get("/me")
    async def show_me(request: Request) -> Mapping[str, Any]:
        bearer = bearer_of(request, tokens.keyring)
        async with desk.reading(request, EVERYTHING) as look:
            account = await _signed_in(look.connection, bearer, desk.context().now)
            names = {"person_ref": account.person_ref, "founder": account.founder}
            session = account.session(bearer.session)
            return look.one({"account": account.id, **names, "session": session})


async def _signed_in(connection: queries.Connection, bearer: Bearer, now: datetime) -> Account:
    """The account, if the session of this token is open. Raises Refused, 401."""
    account = await queries.state(connection, bearer.account)
    if account is None or not is_signed_in(account, bearer.session, now):
        raise unauthorised()
    return account


def _opening(router: APIRouter, desk: Portal, door: Door) -> None:
    @router.post("/accounts", status_code=201)
    async def open_account(request: Request, body: AccountBody) -> Response:
        """The first answer holds an invitation, good for 7 days; no other does."""
        if body.founder:
            founder_of(request, door.tokens.keyring)
        name = await door.name_id(body.name)
        invitation, hash = proofs.invite()
        kind = (body.founder, body.second_factor)
        asked = policies.Asked(name, body.person_ref, *kind, hash)
        return await desk.command(
            request,
            lambda now: policies.open_account(asked, now.now),
            body=body.model_copy(update={"name": str(name)}),
            created=True,
            once=lambda _: {"invitation": invitation},
        )

    @router.post("/accounts/{id}/enable")
    async def enable_account(request: Request, id: UUID) -> Response:
        """By another than who disabled it. Whoever never activated it is invited again."""
        return await _inviting(request, desk, door, id, commands.Enable)

    @router.post("/accounts/{id}/reset")
    async def reset_account(request: Request, id: UUID) -> Response:
        """By another, for whoever lost a password or a phone: invited again, all sessions ended."""
        return await _inviting(request, desk, door, id, commands.Reset)


async def _inviting(
    request: Request,
    desk: Portal,
    door: Door,
    id: UUID,
    step: type[commands.Enable] | type[commands.Reset],
) -> Response:
    """The first answer holds an invitation, where the step makes one."""
    by, version = bearer_of(request, door.tokens.keyring).account, expected(request)
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


def _steps(router: APIRouter, desk: Portal, tokens: Tokens) -> None:
    @router.post("/accounts/{id}/unlock")
    async def unlock_account(request: Request, id: UUID) -> Response:
        by = bearer_of(request, tokens.keyring).account
        return await desk.tell(request, ACCOUNT, id, lambda at: commands.Unlock(at, by))

    @router.post("/accounts/{id}/disable")
    async def disable_account(request: Request, id: UUID) -> Response:
        """All of its sessions end."""
        by = bearer_of(request, tokens.keyring).account
        return await desk.tell(request, ACCOUNT, id, lambda at: commands.Disable(at, by))

    @router.post("/accounts/{id}/revoke-sessions")
    async def revoke_sessions(request: Request, id: UUID) -> Response:
        return await desk.tell(request, ACCOUNT, id, commands.RevokeSessions)


def _reads(router: APIRouter, desk: Portal) -> None:
    @router.get("/accounts")
    async def list_accounts(
        request: Request,
        status: str | None = None,
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

    @router.get("/accounts/{id}")
    async def show_account(request: Request, id: UUID, response: Response) -> Mapping[str, Any]:
        async with desk.reading(request) as look:
            return look.one(await queries.account(look.connection, id), response)
