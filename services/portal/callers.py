"""Who asks, by the token that they bring."""

from __future__ import annotations

from fastapi import Request

from libs.common.messages import Refused
from libs.rights.guard import bearer_of
from libs.rights.tokens import Bearer, Keyring


def founder_of(request: Request, keyring: Keyring) -> Bearer:
    """Raises Refused, 401 and 403."""
    bearer = bearer_of(request, keyring)
    if not bearer.founder:
        raise Refused("role_not_allowed", status=403)
    return bearer
