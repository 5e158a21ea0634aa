"""Who has a break-glass grant: one at a time, and no emergency after one that nobody approved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.contracts.portal import GranteeLeft, GranteeSettled, GranteeTook
from libs.common.messages import Decider, Refused

GranteeEvent: TypeAlias = GranteeTook | GranteeLeft | GranteeSettled


@dataclass(frozen=True, slots=True)
class Grantee:
    """`id`: of the person. `grant`: in force; `owed`: an emergency that another must approve."""

    id: UUID
    grant: UUID | None = None
    owed: UUID | None = None


@dataclass(frozen=True, slots=True)
class Take:
    grant: UUID
    is_emergency: bool


@dataclass(frozen=True, slots=True)
class Leave:
    grant: UUID


@dataclass(frozen=True, slots=True)
class Settle:
    grant: UUID


Command = Take | Leave | Settle


def decide(grantee: Grantee, command: Command) -> list[GranteeEvent]:
    match command:
        case Take(grant, is_emergency):
            if grantee.grant:
                raise Refused("access_open")
            if is_emergency and grantee.owed:
                raise Refused("approval_owed")
            return [GranteeTook(grant_id=grant, owed=is_emergency)]
        case Leave(grant):
            return [GranteeLeft(grant_id=grant)] if grantee.grant == grant else []
        case Settle(grant):
            return [GranteeSettled(grant_id=grant)] if grantee.owed == grant else []
        case _:
            assert_never(command)


def evolve(grantee: Grantee, event: GranteeEvent) -> Grantee:
    match event:
        case GranteeTook(grant_id=grant, owed=owed):
            return replace(grantee, grant=grant, owed=grant if owed else grantee.owed)
        case GranteeLeft():
            return replace(grantee, grant=None)
        case GranteeSettled():
            return replace(grantee, owed=None)


GRANTEE: Decider[Grantee, Command, GranteeEvent] = Decider(
    name="grantee",
    blank=Grantee,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(Grantee),
    events=(GranteeTook, GranteeLeft, GranteeSettled),
)
