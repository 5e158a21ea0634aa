"""A live figure as it was last published, so that it is published again only when it moved.

Counts only grow: those that are less are not complete yet, as after a restore.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.contracts.scoring import Dimension, ScoreUpdated
from libs.common.messages import Decider
from services.scoring.domain.formula import Counts


@dataclass(frozen=True, slots=True)
class Score:
    id: UUID
    scheme: str = ""
    version: int = 0
    subject: str = ""
    indicator: str = ""
    numerator: int = 0
    denominator: int = 0


@dataclass(frozen=True, slots=True)
class Publish:
    at: datetime
    scheme: str
    version: int
    dimension: Dimension
    subject: str
    indicator: str
    numerator: int
    denominator: int


def decide(score: Score, command: Publish) -> list[ScoreUpdated]:
    more = command.numerator - score.numerator, command.denominator - score.denominator
    if min(more) < 0 or max(more) == 0:
        return []
    fields = {name: getattr(command, name) for name in Publish.__slots__}
    value = Counts(command.numerator, command.denominator).percent
    return [ScoreUpdated(score_id=score.id, value=value, **fields)]


def evolve(score: Score, event: ScoreUpdated) -> Score:
    names = ("scheme", "version", "subject", "indicator", "numerator", "denominator")
    return replace(score, **{name: getattr(event, name) for name in names})


SCORE: Decider[Score, Publish, ScoreUpdated] = Decider(
    name="score",
    blank=Score,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(Score),
    events=(ScoreUpdated,),
)
