"""At the door: a name and its proofs against what is kept. Whatever is wrong, the answer and the
time it takes are the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Request

from libs.city import City
from libs.common.http import Desk
from libs.common.ids import own, uuid7
from libs.common.messages import Context, Effect, Refused
from libs.rights.tokens import unauthorised
from services.portal import proofs, queries
from services.portal.bodies import ActivationBody, PasswordBody, SignInBody
from services.portal.domain import ACCOUNT, DEVICE
from services.portal.domain.account import SESSION_LASTS, Account
from services.portal.domain.commands import (
    Activate,
    ChangePassword,
    Command,
    FailSignIn,
    OpenSession,
)
from services.portal.domain.device import SignInOn
from services.portal.proofs import Passwords
from services.portal.queries import Kept
from services.portal.signing import Tokens, is_signed_in

NAMES = own("sign_in_names")
"""Whose key the ids of names are made with: without it they tell nothing."""
NOT_LET_IN = "not_let_in"
REFUSED_AFTER_SECONDS = 0.3
"""However soon it was known that something is wrong; where it took longer, a multiple of it."""


@dataclass(frozen=True)
class Door:
    desk: Desk[City]
    passwords: Passwords
    tokens: Tokens

    async def name_id(self, name: str) -> UUID:
        return await self.desk.alias(NAMES, name)

    async def sign_in(self, request: Request, body: SignInBody) -> Mapping[str, Any]:
        """The tokens. Raises Refused, 401."""
        async with evenly(), self.passwords.turn():
            kept = await self._kept(body.name)
            known = await self._proofs(kept)
            account = kept.account if kept else None
            step = self._step(account, known, body.code)
            is_right = await self.passwords.is_right(known.get("password_hash"), body.password)
            if account is None or step is None or not is_right:
                await self._fail(request, account, NOT_LET_IN)
                raise unauthorised()
            return await self.opened(request, account, body.device, step)

    async def opened(
        self,
        request: Request,
        account: Account,
        device: UUID | None,
        step: int = 0,
        vouched: bool = False,
    ) -> Mapping[str, Any]:
        """The tokens of a new session, on a device of theirs if they name one. Raises Refused."""
        session = uuid7()

        def plan(now: Context[City]) -> Iterable[Effect]:
            if device:
                yield DEVICE.to(device, SignInOn(now.now, account.id, session))
            told = (now.now, account.proofs, session, step, device, vouched)
            yield ACCOUNT.to(account.id, OpenSession(*told))

        await self.desk.done(request, plan)
        strong = account.second_factor or vouched
        return self.tokens.both(account, session, strong, SESSION_LASTS.total_seconds())

    async def account_named(self, name: str) -> Account | None:
        kept = await self._kept(name)
        return kept.account if kept else None

    async def activate(self, request: Request, body: ActivationBody) -> UUID:
        """The account, which may sign in now. Raises Refused."""
        proofs.check(body.password, body.name, "/password")
        async with evenly(), self.passwords.turn():
            kept = await self._kept(body.name)
            hash = await self.passwords.hash(body.password)
            sealed = await self._unsealed(kept, kept.invitation if kept else None)
            invited = proofs.is_invited(sealed.get("invitation_hash"), body.invitation)
            if kept is None or not invited or kept.account.status != "invited":
                raise unauthorised()
            step = self._first_step(body)
            told = (kept.account.proofs, hash, body.totp_secret, step)
            await self._tell(request, kept.account, lambda at: Activate(at, *told))
        return kept.account.id

    async def change_password(
        self, request: Request, id: UUID, session: UUID, body: PasswordBody
    ) -> None:
        """By who is signed in and knows the old one. Raises Refused."""
        proofs.check(body.new_password, None, "/new_password")
        async with self.passwords.turn():
            async with self.desk.looking() as connection:
                kept = await queries.kept(connection, id)
            known = await self._proofs(kept)
            if kept is None or not is_signed_in(kept.account, session, self._now):
                raise unauthorised()
            if not await self.passwords.is_right(known.get("password_hash"), body.old_password):
                await self._fail(request, kept.account, "password_wrong")
                raise Refused("password_wrong", status=422, path="/old_password")
            hash = await self.passwords.hash(body.new_password)
            told = (kept.account.proofs, session, hash, known.get("totp_secret"))
            await self._tell(request, kept.account, lambda at: ChangePassword(at, *told))

    @property
    def _now(self) -> datetime:
        return self.desk.context().now

    async def _kept(self, name: str) -> Kept | None:
        id = await self.name_id(name)
        async with self.desk.looking() as connection:
            return await queries.kept_of_name(connection, id)

    async def _proofs(self, kept: Kept | None) -> Mapping[str, Any]:
        """What is wrong for whoever may not come in now, is wrong."""
        known = await self._unsealed(kept, kept.proofs if kept else None)
        return known if kept and kept.account.status == "active" else {}

    async def _unsealed(self, kept: Kept | None, sealed: str | None) -> Mapping[str, Any]:
        return await self.desk.unsealed(kept.account.id if kept else NAMES, sealed)

    def _step(
        self, account: Account | None, known: Mapping[str, Any], code: str | None
    ) -> int | None:
        """Of the code; 0 where none is asked for, None where it is wrong."""
        if account is None or not account.second_factor:
            return 0
        secret = known.get("totp_secret")
        if secret is None or code is None:
            return None
        return proofs.step_of(secret, code, self._now, account.totp_step)

    def _first_step(self, body: ActivationBody) -> int:
        """The client made the secret, and shows by a code that it is kept where codes are made."""
        if body.totp_secret is None:
            return 0
        step = proofs.step_of(body.totp_secret, body.code or "", self._now, 0)
        if step is None:
            raise Refused("code_wrong", status=422, path="/code")
        return step

    async def _fail(self, request: Request, account: Account | None, code: str) -> None:
        """Stored in any case, so that nobody learns from it whether there is such a name."""
        if account:
            await self._tell(request, account, FailSignIn, code)
        else:
            await self.desk.done(request, lambda _: (), code=code)

    async def _tell(
        self,
        request: Request,
        account: Account,
        make: Callable[[datetime], Command],
        code: str | None = None,
    ) -> None:
        """`code`: why what was asked fails, where this follows from it."""
        await self.desk.done(
            request, lambda now: (ACCOUNT.to(account.id, make(now.now)),), code=code
        )


@asynccontextmanager
async def evenly() -> AsyncIterator[None]:
    """A refusal inside is told at one of a few moments: what it took says nothing more. Whatever
    was wrong, one text says so: that of a missing token would speak of something else."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    try:
        yield
    except Refused as refusal:
        elapsed = loop.time() - begun
        await asyncio.sleep(REFUSED_AFTER_SECONDS - elapsed % REFUSED_AFTER_SECONDS)
        if refusal.code == "unauthorised":
            raise Refused(NOT_LET_IN, status=401) from None
        raise
