"""What the scoring service publishes on `civicgrid.scoring`: figures of offices and areas."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from libs.common.contracts.values import Code, Decimal, Term
from libs.common.messages import Event

Dimension = Literal["area", "organisation"]


class ScoreUpdated(Event):
    """A live figure. `value`: exact decimal text, `n/a` where the denominator is empty."""

    type: ClassVar[str] = "score.updated.v1"
    score_id: UUID
    scheme: Code
    version: int
    dimension: Dimension
    subject: Code
    """Code of the area or organisation."""
    indicator: Term
    numerator: int
    denominator: int
    value: Decimal
    at: datetime
