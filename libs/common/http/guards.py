"""Every route is guarded: no request is looked into before it is known who asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

from fastapi import Request

from libs.common.callers import Caller
from libs.common.messages import Context

Guard: TypeAlias = Callable[[Request, Context[Any]], Caller]
"""Who asks, and the scope of what they ask for. Raises Refused: 401 for whoever is not known, 403
for who may never ask this."""


def caller_of(request: Request) -> Caller:
    """Whom the guard let in."""
    return cast(Caller, request.state.caller)


def let_in(request: Request, caller: Caller) -> None:
    request.state.caller = caller
