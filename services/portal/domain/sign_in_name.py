"""A name by which one account signs in: a staff number, or a subject at a provider. The name itself
is not here: the id is made from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.contracts.portal import SignInNameClaimed, SignInNameReleased
from libs.common.messages import Decider, Refused

SignInNameEvent: TypeAlias = SignInNameClaimed | SignInNameReleased


@dataclass(frozen=True, slots=True)
class SignInName:
    id: UUID
    account_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    at: datetime
    account_id: UUID


@dataclass(frozen=True, slots=True)
class Release:
    """By whoever claimed it for the wrong account."""

    at: datetime
    account_id: UUID


Command = Claim | Release


def decide(name: SignInName, command: Command) -> list[SignInNameEvent]:
    told = {"account_id": command.account_id, "at": command.at}
    is_theirs = name.account_id == command.account_id
    if isinstance(command, Release):
        if not is_theirs:
            raise Refused("not_found", status=404)
        return [SignInNameReleased.model_validate(told)]
    if is_theirs:
        return []
    if name.account_id:
        raise Refused("name_taken", path="/name")
    return [SignInNameClaimed.model_validate(told)]


def evolve(name: SignInName, event: SignInNameEvent) -> SignInName:
    is_free = isinstance(event, SignInNameReleased)
    return replace(name, account_id=None if is_free else event.account_id)


SIGN_IN_NAME: Decider[SignInName, Command, SignInNameEvent] = Decider(
    name="sign_in_name",
    blank=SignInName,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(SignInName),
    events=(SignInNameClaimed, SignInNameReleased),
)
