"""What callers send: shapes and ranges only, the rules are the domain's."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from libs.common.contracts.leads import Urgency
from libs.common.contracts.values import Number
from libs.common.http import LINE, Code, Each, Moment, NewCode, NewTerm, Term, Text, may_be
from services.leads.domain.routing import Rule
from services.leads.policies import Told

Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Name = Annotated[str, StringConstraints(pattern=LINE, max_length=100)]
Phone = Annotated[str, StringConstraints(pattern=LINE, max_length=40)]


class Guardian(Body):
    name: Annotated[Name, Field(min_length=1)]
    phone: Phone | None = None


class Reporter(Body):
    """Of a child, who is `under_14`, the `guardian` alone."""

    name: Name | None = None
    phone: Phone | None = None
    under_14: bool = False
    guardian: Guardian | None = None

    @model_validator(mode="after")
    def _of_a_child(self) -> Self:
        if self.guardian and not self.under_14:
            raise PydanticCustomError("of_a_child", "the guardian of a child")
        return self


class Placed(Body):
    """`cell`, or a point in degrees of WGS 84 (accuracy in metres), or both, or neither.

    `area_hint`: which of several areas that hold the point is meant.
    """

    lead_type: Term
    urgency: Urgency | None = None
    cell: Code | None = None
    longitude: Longitude | None = None
    latitude: Latitude | None = None
    accuracy_m: float = Field(default=0, ge=0, le=10_000)
    area_hint: Code | None = None
    text: Text | None = None

    @model_validator(mode="after")
    def _whole_point(self) -> Self:
        if (self.longitude is None) != (self.latitude is None):
            raise PydanticCustomError("whole_point", "longitude and latitude")
        return self

    @property
    def point(self) -> tuple[float, float] | None:
        if self.longitude is None or self.latitude is None:
            return None
        return self.longitude, self.latitude

    def placed(self) -> dict[str, Any]:
        names = ("lead_type", "urgency", "cell", "accuracy_m", "area_hint", "text")
        return {name: getattr(self, name) for name in names} | {"point": self.point}


class LeadBody(Placed):
    """`id`: a UUID of version 7, made where the lead is; `captured_at`: by the clock there."""

    id: UUID | None = None
    channel: Literal["app", "console"] = "app"
    captured_at: Moment | None = None
    reporter: Reporter | None = None

    def told(self, by: UUID | None) -> Told:
        """`by`: the account that sends it."""
        reporter = self.reporter.model_dump(exclude_none=True) if self.reporter else None
        return Told(
            channel=self.channel,
            source=self.channel,
            captured_by=by,
            captured_at=self.captured_at,
            reporter=reporter,
            **self.placed(),
        )


class ImportedBody(Placed):
    """A lead with its history from elsewhere. `source` and `source_number` make its id."""

    source: NewCode
    source_number: Number
    received_at: Moment
    due_at: Moment | None = None
    closed_at: Moment | None = None
    cancelled: bool = False

    def told(self) -> Told:
        return Told(
            channel="import",
            source=self.source,
            source_number=self.source_number,
            captured_at=self.received_at,
            due_at=self.due_at,
            imported=True,
            closed_at=self.closed_at,
            cancelled=self.cancelled,
            **self.placed(),
        )


class LeadBatch(Body):
    items: tuple[Each[LeadBody], ...] = Field(min_length=1, max_length=500)


class ImportBatch(Body):
    items: tuple[Each[ImportedBody], ...] = Field(min_length=1, max_length=500)


class ReturnBody(Body):
    """`proposed_unit`: code of the organisation that should have it; absent: unknown."""

    reason: NewTerm
    proposed_unit: Code | None = None


class UnitBody(Body):
    unit: Code
    reason: Text


class OutcomeBody(Body):
    outcome: NewTerm


class ReasonBody(Body):
    reason: NewTerm


Keeping = Literal["court_case", "complaint", "under_review", "still_needed"]


class KeepBody(Body):
    """Why what a lead holds is needed still, and until when."""

    reason: Keeping
    until: Moment


class RulesBody(Body):
    """`valid_from`: now if absent. `assessment`: that of their impact on people, by its code in the
    register; without one they are refused."""

    valid_from: Moment | None = None
    assessment: Code | None = None
    rules: tuple[Rule, ...] = Field(min_length=1, max_length=500)

    @field_validator("rules")
    @classmethod
    def _may_be_called_so(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        for rule in rules:
            when = rule.when
            for name in (rule.id, *(when.lead_type or ()), *(when.source or ())):
                may_be(name)
        return rules
