"""Every route is guarded: no request is looked into before it is known who asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast
from uuid import UUID

from fastapi import Request

from libs.common.audit import Entry
from libs.common.callers import Caller
from libs.common.http.requests import entry_of
from libs.common.messages import Context, Refused

Guard: TypeAlias = Callable[[Request, Context[Any]], Caller]
"""Who asks, and the scope of what they ask for. Raises Refused, 401, for whoever is not known, and
Denied for whoever is known and may not ask this."""


class Denied(Refused):
    """To somebody who is known: that they asked leaves a row of audit. They may never ask this,
    unless `code` says otherwise."""

    def __init__(
        self, caller: Caller, code: str = "role_not_allowed", status: int = 403, **values: Any
    ) -> None:
        super().__init__(code, status=status, **values)
        self.caller = caller


def let_in(request: Request, caller: Caller) -> None:
    request.state.caller, request.state.is_recorded = caller, False
    request.state.entry = entry_of(request, caller)


def caller_of(request: Request) -> Caller:
    """Whom the guard let in."""
    return cast(Caller, request.state.caller)


def asked(request: Request) -> Entry:
    """What a row of audit will say of it."""
    return cast(Entry, request.state.entry)


def case_of(request: Request) -> UUID | None:
    """The lead or case at hand, as the request names it."""
    return asked(request).case_id


def recorded(request: Request) -> None:
    """It has its row."""
    request.state.is_recorded = True


def is_recorded(request: Request) -> bool:
    return cast(bool, request.state.is_recorded)
