"""Who asks, as the guard let them in."""

from __future__ import annotations

from uuid import UUID

from fastapi import Request

from libs.common.http import caller_of


def account_of(request: Request) -> UUID:
    return UUID(caller_of(request).actor)


def session_of(request: Request) -> UUID:
    """Whoever has a token has one."""
    session = caller_of(request).session
    assert session
    return session


def posts_of(request: Request) -> frozenset[str]:
    """Those of theirs that give the right to what is asked."""
    return frozenset(caller_of(request).acting_for)


def person_of(request: Request) -> UUID:
    """Whoever has a post is one."""
    person = caller_of(request).person
    assert person
    return person
