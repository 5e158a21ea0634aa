"""What scoring answers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from libs.common.contracts.scoring import Dimension
from services.scoring.domain.formula import Figure
from services.scoring.domain.scheme import Count


class Evaluated(BaseModel):
    """`score`: decimal text, or `n/a`."""

    score: str
    figures: list[Figure]


class Score(Evaluated):
    """Live figures of an area or an organisation."""

    subject: str
    scheme: str
    version: int


class SchemeListed(BaseModel):
    """`is_live`: whether its figures come from events."""

    id: str
    version: int
    zh: str
    en: str
    dimension: Dimension
    is_live: bool


class SchemeList(BaseModel):
    items: list[SchemeListed]
    next: None


class IndicatorShown(BaseModel):
    """`weight`: a fraction, such as `5` or `5/2`."""

    code: str
    zh: str
    en: str
    weight: str
    value: Literal["rate", "1 - rate"]
    numerator: Count | None
    denominator: Count | None


class SchemeShown(BaseModel):
    id: str
    version: int
    assessment: str
    zh: str
    en: str
    source: str
    dimension: Dimension
    full_marks: str
    when_empty: Literal["drop_and_rescale", "full_marks"]
    indicators: list[IndicatorShown]
