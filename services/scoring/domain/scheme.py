"""An assessment scheme (考核办法): a versioned document. Rows S1, S3, S11 of the requirements."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from libs.common.contracts.scoring import Dimension
from libs.common.messages import Event


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Count(Part):
    """How many of these events there were; `where`: values that their fields must have."""

    events: tuple[str, ...] = Field(min_length=1)
    where: Mapping[str, tuple[Any, ...]] = Field(default_factory=dict)

    def counts(self, event: Event) -> bool:
        if event.type not in self.events:
            return False
        return all(getattr(event, name, None) in wanted for name, wanted in self.where.items())


class Indicator(Part):
    """`value`: what the rate is worth, as a share of `weight`. Without `numerator` and
    `denominator`, its counts are given and not taken from events."""

    code: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    zh: str
    en: str
    weight: Fraction = Field(gt=0)
    value: Literal["rate", "1 - rate"] = "rate"
    numerator: Count | None = None
    denominator: Count | None = None

    @cached_property
    def events(self) -> frozenset[str]:
        """Types of those that can move it."""
        counts = (self.numerator, self.denominator)
        return frozenset(type for one in counts if one for type in one.events)


class Scheme(Part):
    """`when_empty`: what becomes of the weight of an indicator whose denominator is 0.
    `assessment`: of the impact on people (row P15)."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    version: int = Field(ge=1)
    assessment: str
    zh: str
    en: str
    source: str
    dimension: Dimension
    full_marks: Fraction
    when_empty: Literal["drop_and_rescale", "full_marks"]
    indicators: tuple[Indicator, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if sum(one.weight for one in self.indicators) != self.full_marks:
            raise ValueError("the weights do not sum to the full marks")
        if len({one.code for one in self.indicators}) < len(self.indicators):
            raise ValueError("an indicator comes twice")
        if any((one.numerator is None) != (one.denominator is None) for one in self.indicators):
            raise ValueError("an indicator counts both numerator and denominator, or neither")
        return self

    @property
    def is_live(self) -> bool:
        """Whether its figures come from events."""
        return all(one.numerator for one in self.indicators)
