"""HTTP of signing in at a provider of OpenID Connect, and of whose subject is whose account."""

from __future__ import annotations

import hmac
import time
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from libs.common.http import CHANGED, DOOR, address_of, answers, expected, not_found
from libs.common.ids import uuid7
from libs.common.messages import Effect
from libs.rights.tokens import unauthorised
from services.portal import policies
from services.portal.answers import Begun, SignedIn
from services.portal.bodies import ProviderBody, SubjectBody
from services.portal.callers import account_of
from services.portal.domain import ACCOUNT, SIGN_IN_NAME
from services.portal.domain.commands import Bind
from services.portal.domain.sign_in_name import Claim, Release
from services.portal.door import NAMES, Door, evenly
from services.portal.provider import Provider, Try, provider_of
from services.portal.tries import Tries

NOT_KEPT = {"Cache-Control": "no-store"}
FLOW_SECONDS = 600
"""From going to the provider to coming back."""


def add_routes(router: APIRouter, door: Door, tries: Tries) -> None:
    gate = Gate(door)
    _signing_in(router, gate, tries)
    _binding(router, gate)


class Gate:
    """What a try needs is worked out from its id with a key of the city: nothing of it is stored,
    and nobody else can make one up."""

    def __init__(self, door: Door) -> None:
        self.door = door

    @cached_property
    def provider(self) -> Provider | None:
        settings = self.door.desk.settings
        return provider_of(settings) if settings else None

    @property
    def set_up(self) -> Provider:
        """Raises Refused, 404, where the city has none."""
        if self.provider is None:
            raise not_found()
        return self.provider

    async def tried(self, flow: UUID) -> Try:
        state, nonce, *verifier = [
            (await self.door.desk.alias(NAMES, f"{part} of {flow}")).hex
            for part in ("state", "nonce", "verifier", "rest of the verifier")
        ]
        return Try(state, nonce, "".join(verifier))

    async def name_id(self, subject: str) -> UUID:
        return await self.door.name_id(self.name(subject))

    def name(self, subject: str) -> str:
        """No name that a person could choose has a blank in it."""
        return f"{self.set_up.issuer} {subject}"

    async def sign_in(self, request: Request, body: ProviderBody) -> Mapping[str, Any]:
        """The tokens. Raises Refused, 401."""
        provider, tried = self.set_up, await self.tried(body.flow)
        is_its = hmac.compare_digest(tried.state.encode(), body.state.encode())
        if not is_its or not _is_fresh(body.flow):
            raise unauthorised()
        subject = await provider.subject(body.code, tried)
        account = await self.door.account_named(self.name(subject))
        if account is None:
            raise unauthorised()
        return await self.door.opened(request, account, body.device, vouched=True)


def _is_fresh(flow: UUID) -> bool:
    """By the milliseconds in its first 48 bits."""
    return time.time() - (flow.int >> 80) / 1000 <= FLOW_SECONDS


def _signing_in(router: APIRouter, gate: Gate, tries: Tries) -> None:
    @router.post("/oidc/begin", status_code=201, openapi_extra=DOOR, responses=answers(Begun, 201))
    async def begin_at_provider(request: Request) -> Response:
        """Where to go; the client keeps `flow` to itself until it comes back."""
        tries.take(address_of(request))
        flow = uuid7()
        address = await gate.set_up.address(await gate.tried(flow))
        return JSONResponse({"flow": str(flow), "address": address}, 201, NOT_KEPT)

    @router.post(
        "/oidc/sign-in", status_code=201, openapi_extra=DOOR, responses=answers(SignedIn, 201)
    )
    async def sign_in_by_provider(request: Request, body: ProviderBody) -> Response:
        """A session of 12 hours, for whom the provider knows and an account is bound to."""
        tries.take(address_of(request))
        async with evenly():
            return JSONResponse(await gate.sign_in(request, body), 201, NOT_KEPT)


def _binding(router: APIRouter, gate: Gate) -> None:
    @router.post("/accounts/{id}/bind", responses=CHANGED)
    async def bind_subject(request: Request, id: UUID, body: SubjectBody) -> Response:
        """Whoever the provider knows as this subject signs in as this account."""
        by, version, name = account_of(request), expected(request), await gate.name_id(body.subject)

        def plan(now: policies.Now) -> Iterable[Effect]:
            yield ACCOUNT.to(id, Bind(now.now, by), expected=version)
            yield SIGN_IN_NAME.to(name, Claim(now.now, id))

        kept = body.model_copy(update={"subject": str(name)})
        return await gate.door.desk.command(request, plan, body=kept)

    @router.post("/accounts/{id}/release", responses=CHANGED)
    async def release_subject(request: Request, id: UUID, body: SubjectBody) -> Response:
        """It signs in as this account no more; what is open stays so until it is revoked."""
        name = await gate.name_id(body.subject)

        def plan(now: policies.Now) -> Iterable[Effect]:
            yield SIGN_IN_NAME.to(name, Release(now.now, id))

        kept = body.model_copy(update={"subject": str(name)})
        return await gate.door.desk.command(request, plan, body=kept)
