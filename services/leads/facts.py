"""What leads must know of others: the city, legal holds, and the routing rules published here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.city import COPIES, City
from libs.common.contracts.leads import RoutingRulesPublished
from libs.common.contracts.registry import SubjectHeld, SubjectReleased
from libs.common.facts import Tables
from libs.common.messages import Envelope
from libs.common.projections import Copy
from services.leads.domain.routing import RuleSet
from services.leads.rules import ROUTING


def _rules(event: RoutingRulesPublished, envelope: Envelope) -> Iterable[Sequence[Any]]:
    told = {"version": event.rule_set, "assessment": event.assessment, "rules": event.rules}
    rules = json.dumps({name: value for name, value in told.items() if value is not None})
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


def _hold(event: SubjectHeld | SubjectReleased, envelope: Envelope) -> Iterable[Sequence[Any]]:
    yield event.subject_ref, envelope.version, isinstance(event, SubjectHeld)


HELD_SUBJECTS = Copy(
    "held_subject",
    key=("subject_ref",),
    columns={"subject_ref": "uuid", "version": "int", "held": "boolean"},
    on={SubjectHeld: _hold, SubjectReleased: _hold},
    fact=True,
)

FACTS: tuple[Copy, ...] = (*COPIES, ROUTING_RULES, HELD_SUBJECTS)


@dataclass(frozen=True)
class Facts:
    """`published`: rule sets and from when on they hold, the newest first. `held`: subjects that a
    legal hold is on."""

    city: City
    published: tuple[tuple[datetime, RuleSet], ...]
    held: frozenset[UUID]

    @classmethod
    def build(cls, tables: Tables) -> Facts:
        rows = sorted(tables["routing_rules"].values(), key=lambda row: -row["rule_set"])
        published = ((r["valid_from"], RuleSet.model_validate_json(r["rules"])) for r in rows)
        holds = tables["held_subject"].values()
        held = frozenset(row["subject_ref"] for row in holds if row["held"])
        return cls(City.build(tables), tuple(published), held)

    def rules(self, at: datetime) -> RuleSet:
        """The newest that hold at this time; those that come with the service before any do."""
        return next((rules for since, rules in self.published if since <= at), ROUTING)
