"""A name by which one account signs in. The name itself is not here: the id is made from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.contracts.portal import SignInNameClaimed
from libs.common.messages import Decider, Refused


@dataclass(frozen=True, slots=True)
class SignInName:
    id: UUID
    account_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    at: datetime
    account_id: UUID


def decide(name: SignInName, command: Claim) -> list[SignInNameClaimed]:
    if name.account_id == command.account_id:
        return []
    if name.account_id:
        raise Refused("name_taken", path="/name")
    return [SignInNameClaimed(account_id=command.account_id, at=command.at)]


def evolve(name: SignInName, event: SignInNameClaimed) -> SignInName:
    return replace(name, account_id=event.account_id)


SIGN_IN_NAME: Decider[SignInName, Claim, SignInNameClaimed] = Decider(
    name="sign_in_name",
    blank=SignInName,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(SignInName),
    events=(SignInNameClaimed,),
)
