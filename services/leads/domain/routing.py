"""Which unit must answer: an ordered rule set over what is known of a lead; the first match wins.

Rows L2, L14 and L15 of the requirements. Pure: the same inputs and rules give the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from libs.city.calendar import Calendars, TimeUnit, due
from libs.common.contracts.leads import Kind, Urgency
from libs.common.contracts.registry import OrganisationKind

Reason = Literal["no_place", "outside", "no_match", "no_unit"]


class Condition(BaseModel):
    """What a lead must be; what is left out matches everything. `area`: that area or below it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    lead_type: tuple[str, ...] | None = None
    kind: tuple[Kind, ...] | None = None
    urgency: tuple[Urgency, ...] | None = None
    source: tuple[str, ...] | None = None
    area: tuple[str, ...] | None = None


class Limit(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    amount: int = Field(ge=1, le=1000)
    unit: TimeUnit

    def after(self, begin: datetime, calendars: Calendars) -> datetime:
        return due(begin, self.amount, self.unit, calendars).at


class Rule(BaseModel):
    """`to`: the kind of unit, the nearest one that serves the cell or an area above it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    when: Condition = Condition()
    to: OrganisationKind
    sign_within: Limit


class RuleSet(BaseModel):
    """`assessment`: of the impact on people (row P15); None for sets that came before it was asked
    for."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: int = Field(ge=1)
    assessment: str | None = None
    rules: tuple[Rule, ...] = Field(min_length=1, max_length=500)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What rules may look at. `chain`: the cell and the areas above it, from below."""

    lead_type: str
    kind: Kind
    urgency: Urgency
    source: str
    chain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Routing:
    unit: str
    unit_kind: OrganisationKind
    police_room: str | None
    rule: str
    rule_set: int
    sign_by: datetime | None
    explanation: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unrouted:
    """`queue`: code of the town centre or command centre that must look at it, if there is one."""

    queue: str | None
    reason: Reason
    explanation: Mapping[str, Any] = field(default_factory=dict)


class Office(Protocol):
    @property
    def code(self) -> str: ...
    @property
    def kind(self) -> OrganisationKind: ...


class Offices(Protocol):
    """Who serves an area: `City` is one."""

    def organisation_of(self, kind: OrganisationKind, area: str) -> Office | None: ...
    def calendar(self, year: int) -> Any: ...


def route(
    rules: RuleSet,
    inputs: Inputs,
    offices: Offices,
    at: datetime,
    refused: Sequence[str] = (),
) -> Routing | Unrouted:
    """`refused`: units that returned the lead already. Units outside the chain are never found."""
    losing: list[dict[str, str]] = []
    told = _told(rules, inputs, losing)
    if not inputs.chain:
        return Unrouted(None, "no_place", told)
    for rule in rules.rules:
        why = mismatch(rule.when, inputs)
        unit = None if why else _nearest(rule.to, inputs.chain, offices, refused)
        if unit is None:
            losing.append({"rule": rule.id, "why": why or f"no {rule.to} here"})
            continue
        room = _nearest("police_room", inputs.chain, offices, ())
        sign_by = rule.sign_within.after(at, offices.calendar)
        return Routing(
            *(unit.code, unit.kind, room.code if room else None, rule.id, rules.version),
            sign_by,
            told,
        )
    matched = any(loser["why"].startswith("no ") for loser in losing)
    return Unrouted(_queue(inputs.chain, offices), "no_unit" if matched else "no_match", told)


def mismatch(when: Condition, inputs: Inputs) -> str | None:
    """The first condition that the lead does not meet; None if it meets all."""
    for name in ("lead_type", "kind", "urgency", "source"):
        wanted = getattr(when, name)
        if wanted is not None and getattr(inputs, name) not in wanted:
            return f"{name} is {getattr(inputs, name)}"
    if when.area is not None and not set(when.area) & set(inputs.chain):
        return "area is another"
    return None


def _nearest(
    kind: OrganisationKind, chain: Sequence[str], offices: Offices, refused: Sequence[str]
) -> Office | None:
    found = (offices.organisation_of(kind, area) for area in chain)
    return next((one for one in found if one and one.code not in refused), None)


def _queue(chain: Sequence[str], offices: Offices) -> str | None:
    kinds: tuple[OrganisationKind, ...] = ("town_centre", "command_centre")
    found = (_nearest(kind, chain, offices, ()) for kind in kinds)
    return next((one.code for one in found if one), None)


def _told(rules: RuleSet, inputs: Inputs, losing: list[dict[str, str]]) -> dict[str, Any]:
    told = {name: getattr(inputs, name) for name in Inputs.__slots__}
    return {"rule_set": rules.version, "inputs": told | {"chain": list(inputs.chain)},
            "losing": losing}  # fmt: skip
