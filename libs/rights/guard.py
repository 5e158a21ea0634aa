"""In front of every route: who asks, by their token, and what they may, by their posts now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from fastapi import Request

from libs.city import City
from libs.city.tree import Holder
from libs.common.callers import EVERYTHING, NOBODY, Caller, Scope
from libs.common.http.guards import Guard
from libs.common.messages import Context, Refused
from libs.common.settings import Settings, SettingsError
from libs.rights import policy
from libs.rights.policy import Rights
from libs.rights.scopes import scope_of
from libs.rights.tokens import Bearer, Keyring, unauthorised

REMEMBERED = 20_000
_POLICY = policy.read()


def _itself(facts: City) -> City:
    return facts


def guarding(service: str, city: Callable[[Any], City] = _itself) -> Callable[[Settings], Guard]:
    """The guard of a service, by the rights file. `city`: where its facts keep the city, if they
    are not the city."""
    return lambda settings: _Guard(_keyring(settings), _POLICY[service], city)


def _keyring(settings: Settings) -> Keyring:
    if settings.tokens is None:
        raise SettingsError(
            "CIVICGRID_TOKENS is missing: the folder with the keys of access tokens,"
            " which `civicgrid init` makes"
        )
    try:
        return Keyring(settings.tokens)
    except (OSError, ValueError, KeyError) as error:
        raise SettingsError(
            f"CIVICGRID_TOKENS: no keys can be read there ({error}): `civicgrid init` makes them"
        ) from error


def bearer_of(request: Request, keyring: Keyring) -> Bearer:
    """Whom the token of this request speaks of. Raises Refused, 401."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise unauthorised()
    return keyring.read(token.strip())


class _Guard:
    def __init__(
        self, keyring: Keyring, rights: Mapping[str, Rights], city: Callable[[Any], City]
    ) -> None:
        self._keyring, self._rights, self._city = keyring, rights, city
        self._scopes: dict[tuple[str, UUID, tuple[Holder, ...]], Scope] = {}
        self._scopes_of: City | None = None

    def __call__(self, request: Request, context: Context[Any]) -> Caller:
        action = request.scope["route"].name
        rights = self._rights.get(action, {})
        if "anyone" in rights:
            return NOBODY
        bearer, city = bearer_of(request, self._keyring), self._city(context.facts)
        if city.bars(bearer.account, bearer.session):
            raise unauthorised()
        seats = city.seats(bearer.person, context.now) if bearer.person else ()
        if _roles(bearer, seats).isdisjoint(rights):
            raise Refused("role_not_allowed", status=403)
        scope = EVERYTHING if bearer.founder and "founder" in rights else Scope()
        if bearer.person and not scope.everything:
            scope = self._scope(action, bearer.person, seats, city)
        return Caller(str(bearer.account), bearer.person, scope)

    def _scope(self, action: str, person: UUID, seats: tuple[Holder, ...], city: City) -> Scope:
        """Remembered while the city stays as it is."""
        if city is not self._scopes_of or len(self._scopes) > REMEMBERED:
            self._scopes, self._scopes_of = {}, city
        key = (action, person, seats)
        if (scope := self._scopes.get(key)) is None:
            scope = self._scopes[key] = scope_of(self._rights[action], person, seats, city)
        return scope


def _roles(bearer: Bearer, seats: Sequence[Holder]) -> set[str]:
    own = {"signed_in", "founder"} if bearer.founder else {"signed_in"}
    return own | {seat.role for seat in seats}
