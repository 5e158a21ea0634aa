"""The routing rules of the city, one version after the other (row L14)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.contracts.leads import RoutingRulesPublished
from libs.common.messages import Decider, Refused
from services.leads.domain.routing import Rule


@dataclass(frozen=True, slots=True)
class RuleBook:
    id: UUID
    version: int = 0
    valid_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class PublishRules:
    """From `valid_from` on; leads that run keep their route."""

    valid_from: datetime
    rules: Sequence[Rule]
    assessment: str


def decide(book: RuleBook, command: PublishRules) -> list[RoutingRulesPublished]:
    ids = [rule.id for rule in command.rules]
    if len(set(ids)) < len(ids):
        raise Refused("rule_twice", status=422, path="/rules")
    if book.valid_from and command.valid_from < book.valid_from:
        raise Refused("earlier_than_last", status=422, path="/valid_from")
    return [
        RoutingRulesPublished(
            rule_set=max(book.version, 1) + 1,
            valid_from=command.valid_from,
            assessment=command.assessment,
            rules=tuple(rule.model_dump(mode="json") for rule in command.rules),
        )
    ]


def evolve(book: RuleBook, event: RoutingRulesPublished) -> RuleBook:
    return RuleBook(book.id, event.rule_set, event.valid_from)


RULE_BOOK: Decider[RuleBook, PublishRules, RoutingRulesPublished] = Decider(
    name="routing_rule_set",
    blank=RuleBook,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(RuleBook),
    events=(RoutingRulesPublished,),
)
