"""What every route of the registry shares: a plan of one instruction, and what is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias
from uuid import UUID

from libs.city import City
from libs.common.http import Desk, Item
from libs.common.messages import Effect, Envelope, Instruction
from services.registry.policies import Now

Plan = Callable[[Now], Iterable[Effect]]
Answer = Callable[[Sequence[Envelope]], Mapping[str, Any]]
Registry: TypeAlias = Desk[City]


def one(instruct: Callable[[Now], Instruction]) -> Plan:
    return lambda now: (instruct(now),)


def item(plan: Plan, body: Any, id: UUID, code: str | None = None) -> Item:
    return Item(plan=plan, body=body, id=None, answer=answer_of(id, code or body.code))


def answer_of(id: UUID, code: str | None) -> Answer:
    """`changed`: whether anything became different; without it a repeated load looks like a new."""

    def answer(made: Sequence[Envelope]) -> Mapping[str, Any]:
        versions = [one.version for one in made if one.subject == id]
        version = {"version": versions[-1]} if versions else {}
        return {"id": str(id), "code": code, "changed": bool(made), **version}

    return answer
