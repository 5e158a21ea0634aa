"""The leads service as it would be without rights and without audit, for `http` to show what these
cost: `python -m bench.unguarded`. No command of the product can start it."""

from __future__ import annotations

from dataclasses import replace

from fastapi import Request

from libs.common.callers import EVERYTHING, Caller
from libs.common.http import desk
from libs.common.http.guards import Guard
from libs.common.messages import Context
from libs.common.serving import run
from libs.common.settings import Settings
from services.leads.main import SERVICE


def _whoever(_: Settings) -> Guard:
    """Everybody may do everything, and no token is read."""
    anybody = Caller("anybody", None, EVERYTHING, resource="lead", is_personal=False)

    def guard(request: Request, context: Context[object]) -> Caller:
        return anybody

    return guard


def _nothing(*_: object) -> None:
    """In place of what makes a row of audit: a work without one stores none."""


if __name__ == "__main__":
    for name in ("asked", "entry_of_item", "check_reason"):
        setattr(desk, name, _nothing)
    run(replace(SERVICE, guard=_whoever))
