"""In front of every route: who asks, by their token, and what they may, by their posts now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from fastapi import Request

from libs.city import City, calendar
from libs.city.tree import Grant, Holder
from libs.common.callers import EVERYTHING, NOBODY, Caller, Scope
from libs.common.http.guards import Denied, Guard
from libs.common.http.requests import CASE, FORMS, PURPOSE
from libs.common.ids import id_of
from libs.common.messages import Context
from libs.common.settings import Settings, SettingsError
from libs.privacy.register import registered
from libs.rights import policy
from libs.rights.policy import Action
from libs.rights.scopes import scope_of
from libs.rights.tokens import Bearer, Keyring, unauthorised

GRANT = "Civicgrid-Grant"
"""A header: the id of the break-glass grant that a request is made under."""
REMEMBERED = 20_000
UNKNOWN = Action({}, "", True)
"""What is not named, nobody may."""
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
        self, keyring: Keyring, actions: Mapping[str, Action], city: Callable[[Any], City]
    ) -> None:
        self._keyring, self._actions, self._city = keyring, actions, city
        self._counted = tuple(name for name, action in actions.items() if action.purposes)
        self._scopes: dict[tuple[Any, ...], Scope] = {}
        self._scopes_of: City | None = None

    def __call__(self, request: Request, context: Context[Any]) -> Caller:
        name = request.scope["route"].name
        rights, thing, is_personal, purposes, hidden_to = self._actions.get(name, UNKNOWN)
        if "anyone" in rights:
            return Caller(NOBODY, None, Scope(), resource=thing, is_personal=is_personal)
        bearer, city = bearer_of(request, self._keyring), self._city(context.facts)
        if city.bars(bearer.account, bearer.session):
            raise unauthorised()
        seats = _seats(bearer, city, context.now)
        caller = Caller(
            actor=str(bearer.account),
            person=bearer.person,
            scope=Scope(),
            session=bearer.session,
            acting_for=tuple(seat.post for seat in seats if seat.role in rights),
            resource=thing,
            is_personal=is_personal,
            counted=self._counted if purposes else (),
        )
        roles = _roles(bearer, seats)
        if roles.isdisjoint(rights):
            is_there = roles.isdisjoint(hidden_to)
            raise Denied(caller) if is_there else Denied(caller, "not_found", 404)
        if purposes:
            day = calendar.day_of(context.now, city.calendar)
            _check_purpose(request, caller, purposes, day)
        grant = _grant(request, caller, city, context.now)
        if grant and not any("granted" in rights.get(seat.role, ()) for seat in seats):
            grant = None
        scope = self._scope(name, bearer, seats, city, grant)
        return caller._replace(scope=scope, on_grant=grant.id if grant else None)

    def _scope(
        self,
        name: str,
        bearer: Bearer,
        seats: tuple[Holder, ...],
        city: City,
        grant: Grant | None,
    ) -> Scope:
        """By their posts, and by their account."""
        rights, scope = self._actions[name].rights, Scope()
        if bearer.founder and "founder" in rights:
            return EVERYTHING
        if bearer.person:
            scope = self._scope_of_posts(name, bearer.person, seats, city, grant)
        if "self" not in rights.get("signed_in", ()):
            return scope
        own = {"account": frozenset({str(bearer.account)})}
        return Scope(scope.everything, {**scope.belongings, **own})

    def _scope_of_posts(
        self,
        name: str,
        person: UUID,
        seats: tuple[Holder, ...],
        city: City,
        grant: Grant | None,
    ) -> Scope:
        """Remembered while the city stays as it is."""
        if city is not self._scopes_of or len(self._scopes) > REMEMBERED:
            self._scopes, self._scopes_of = {}, city
        key = (name, person, seats, grant)
        if (scope := self._scopes.get(key)) is None:
            rights = self._actions[name].rights
            scope = self._scopes[key] = scope_of(rights, person, seats, city, grant)
        return scope


def _check_purpose(request: Request, caller: Caller, purposes: frozenset[str], day: date) -> None:
    """Raises Denied: 422 for a purpose that is none, or whose assessment or basis does not hold on
    this day (rows P1, P15); 404 for one that does not cover this."""
    told = request.headers.get(PURPOSE)
    if told not in registered().purposes:
        wanted = ", ".join(sorted(purposes))
        raise Denied(caller, "reason_unclear", 422, path="/purpose", header=PURPOSE, wanted=wanted)
    if id_of(request.headers.get(CASE)) is None:
        raise Denied(caller, "reason_unclear", 422, path="/case", header=CASE, wanted=FORMS[CASE])
    if told not in purposes:
        raise Denied(caller, "not_found", 404)
    if not registered().is_assessed(told, day):
        raise Denied(caller, "assessment_required", 422, path="/purpose")
    if not registered().has_basis(told, day):
        raise Denied(caller, "basis_over", 422, path="/purpose")


def _grant(request: Request, caller: Caller, city: City, now: datetime) -> Grant | None:
    """The one that the request names: another's, or one that is over, does not exist. Raises
    Denied, 400 and 404."""
    if (told := request.headers.get(GRANT)) is None:
        return None
    try:
        id = UUID(told)
    except ValueError:
        raise Denied(caller, "invalid_header", 400, header=GRANT) from None
    grant = city.grant(id, caller.person, now) if caller.person else None
    if grant is None:
        raise Denied(caller, "not_found", 404)
    return grant


def _seats(bearer: Bearer, city: City, now: datetime) -> tuple[Holder, ...]:
    """The posts that they hold now, of those that this sign-in is good for."""
    seats = city.seats(bearer.person, now) if bearer.person else ()
    return seats if bearer.strong else tuple(one for one in seats if one.role in policy.PLAIN)


def _roles(bearer: Bearer, seats: Sequence[Holder]) -> set[str]:
    own = {"signed_in", "founder"} if bearer.founder else {"signed_in"}
    return own | {seat.role for seat in seats}
