"""Figures that moved are published, at most once in five seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from libs.city import City
from libs.common.ids import named
from libs.common.messages import Context, Effect, Policies
from libs.common.sweeping import Sweep
from services.scoring.domain import SCORE
from services.scoring.domain.score import Publish
from services.scoring.queries import MOVED
from services.scoring.schemes import SCHEMES

PUBLISH_SECONDS = 5.0


def publish(row: Mapping[str, Any], context: Context[City]) -> Iterable[Effect]:
    """`row`: a tally, and what was last published of it."""
    names = ("scheme", "version", "subject", "indicator")
    id = named("/".join(str(row[name]) for name in ("version", *names)))
    dimension = SCHEMES[row["scheme"]].dimension
    told = {name: row[name] for name in (*names, "numerator", "denominator")}
    yield SCORE.to(id, Publish(at=context.now, dimension=dimension, **told))


POLICIES: Policies = {}
SWEEPS = (Sweep("publish_scores", PUBLISH_SECONDS, MOVED, publish),)
