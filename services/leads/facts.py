"""What leads must know of others: the city, and the routing rules that were published here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.city import COPIES, City
from libs.common.contracts.leads import RoutingRulesPublished
from libs.common.facts import Tables
from libs.common.messages import Envelope
from libs.common.projections import Copy
from services.leads.domain.routing import RuleSet
from services.leads.rules import ROUTING


def _rules(event: RoutingRulesPublished, envelope: Envelope) -> Iterable[Sequence[Any]]:
    rules = json.dumps({"version": event.rule_set, "rules": event.rules})
    yield event.rule_set, envelope.version, event.valid_from, rules


ROUTING_RULES = Copy(
    "routing_rules",
    key=("rule_set",),
    columns={
        "rule_set": "int",
        "version": "int",
        "valid_from": "timestamptz",
        "rules": "text",
    },
    on={RoutingRulesPublished: _rules},
    fact=True,
)

FACTS: tuple[Copy, ...] = (*COPIES, ROUTING_RULES)


@dataclass(frozen=True)
class Facts:
    """`published`: rule sets and from when on they hold, the newest first."""

    city: City
    published: tuple[tuple[datetime, RuleSet], ...]

    @classmethod
    def build(cls, tables: Tables) -> Facts:
        rows = sorted(tables["routing_rules"].values(), key=lambda row: -row["rule_set"])
        published = ((r["valid_from"], RuleSet.model_validate_json(r["rules"])) for r in rows)
        return cls(City.build(tables), tuple(published))

    def rules(self, at: datetime) -> RuleSet:
        """The newest that hold at this time; those that come with the service before any do."""
        return next((rules for since, rules in self.published if since <= at), ROUTING)
