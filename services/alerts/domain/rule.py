"""A rule: which event raises an alert, who is told, and what happens if nobody acknowledges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field

from libs.common.contracts.registry import Level, Role
from libs.common.messages import Event

LEVELS: tuple[Level, ...] = get_args(Level)[::-1]
"""From the smallest cell up to the city."""


class Rule(BaseModel):
    """`event`: its type; `when`: values that its fields must have, any of each list.

    Told are those who answer for the areas of the levels `lowest` to `reach` above the cell; or,
    where there are `roles`, who hold such posts of the city.
    After each span of `escalate_after` (hours since it was raised) the next level up is told.
    `cleared_by`: types of events after which the condition holds no more, if their fields
    have the values of `cleared_when` besides.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    event: str
    when: Mapping[str, tuple[Any, ...]] = Field(default_factory=dict)
    severity: int = Field(ge=1, le=4)
    lowest: Level = "grid_l3"
    reach: Level = "grid_l1"
    roles: tuple[Role, ...] = ()
    escalate_after: tuple[int, ...] = ()
    cleared_by: tuple[str, ...] = ()
    cleared_when: Mapping[str, tuple[Any, ...]] = Field(default_factory=dict)

    @property
    def told(self) -> tuple[Level, ...]:
        """Levels whose responsible persons are told at first."""
        return LEVELS[LEVELS.index(self.lowest) : LEVELS.index(self.reach) + 1]

    def next_level(self, step: int) -> Level | None:
        """Whom escalation tells at this step, 1 being the first; None past the city."""
        at = LEVELS.index(self.reach) + step
        return LEVELS[at] if at < len(LEVELS) else None

    def raised_by(self, event: Event) -> bool:
        return event.type == self.event and _fits(event, self.when)

    def cleared_after(self, event: Event) -> bool:
        return event.type in self.cleared_by and _fits(event, {**self.when, **self.cleared_when})


def _fits(event: Event, when: Mapping[str, tuple[Any, ...]]) -> bool:
    return all(getattr(event, name, None) in wanted for name, wanted in when.items())


class RuleSet(BaseModel):
    """`assessment`: of the impact on people (row P15)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: int = Field(ge=1)
    assessment: str
    rules: tuple[Rule, ...] = Field(min_length=1)
