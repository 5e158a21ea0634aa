"""How far the audit of a service was anchored: an aggregate like any other, so that its events are
published, recovered and checked as all are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.contracts.audit import AuditAnchored
from libs.common.ids import named
from libs.common.messages import Decider


@dataclass(frozen=True, slots=True)
class Chain:
    id: UUID
    number: int = 0
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Anchor:
    service: str
    number: int
    hash: str
    sealed_at: datetime


def chain_id(service: str) -> UUID:
    return named(f"audit_chain/{service}")


def decide(state: Chain, command: Anchor) -> Sequence[AuditAnchored]:
    if (command.number, command.hash) == (state.number, state.hash):
        return []
    return [
        AuditAnchored(
            service=command.service,
            number=command.number,
            hash=command.hash,
            sealed_at=command.sealed_at,
        )
    ]


def evolve(state: Chain, event: AuditAnchored) -> Chain:
    return Chain(state.id, event.number, event.hash)


CHAIN: Decider[Chain, Anchor, AuditAnchored] = Decider(
    "audit_chain", Chain, decide, evolve, TypeAdapter(Chain), (AuditAnchored,)
)
