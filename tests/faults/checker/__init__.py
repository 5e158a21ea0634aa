"""A checker that knows nothing of the product: it reads what a campaign left behind, and judges.

`invalid`: an invariant is broken. `unknown`: none is, and too little was done or befell it to say
more. Only `valid` counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from tests.faults.checker import (
    agreed,
    audited,
    carried,
    caused,
    described,
    enough,
    followed,
    limits,
    placed,
    routed,
    standing,
    stored,
    timed,
)
from tests.faults.checker.seen import Seen, read
from tests.faults.checker.stored import Violation

RULES = (
    *(stored.operations, stored.intake, stored.answers, stored.journals, stored.states),
    *(carried.published, carried.ordered, carried.keyed, carried.handled, carried.buried),
    *(carried.rejected, caused.caused),
    *(audited.recorded, audited.asked_for, audited.chained, audited.sealed),
    *(described.described, described.followed_up, described.shown),
    *(followed.routed, followed.alerted, followed.mediated, followed.cleared),
    *(followed.scored, followed.rested),
    *(placed.taken, routed.sent, placed.told, placed.raised, placed.directed),
    *(timed.escalated, timed.supervised, timed.overdue, timed.recorded),
    *(limits.closed_within, limits.signed_within, limits.settled_within),
    *(agreed.repeated, agreed.timed, agreed.fed_back, agreed.counted),
    *(standing.positions, standing.requests, standing.timers, standing.unfinished),
)


@dataclass(frozen=True)
class Verdict:
    """`missing`: why nothing can be said. `checked`: how many of what was looked at."""

    name: Literal["valid", "invalid", "unknown"]
    violations: tuple[Violation, ...]
    missing: tuple[str, ...]
    checked: Mapping[str, int]


BEFORE_WIPE = "before-wipe"
"""Folder of what was there when all had come to rest, just before journals were published anew:
that mends what was lost on the way until then, and nothing is seen of it at the end."""


def check(folder: Path) -> Verdict:
    verdict = judge(read(folder))
    if not (folder / BEFORE_WIPE).exists():
        return verdict
    earlier = judge(read(folder / BEFORE_WIPE)).violations
    violations = tuple(dict.fromkeys((*earlier, *verdict.violations)))
    return replace(verdict, violations=violations, name="invalid" if violations else verdict.name)


def judge(seen: Seen) -> Verdict:
    violations = tuple(violation for rule in RULES for violation in rule(seen))
    missing = tuple(enough.missing(seen))
    name: Literal["valid", "invalid", "unknown"] = "unknown" if missing else "valid"
    return Verdict("invalid" if violations else name, violations, missing, _checked(seen))


def _checked(seen: Seen) -> dict[str, int]:
    return {
        "acknowledged": enough.acknowledged(seen),
        "operations": len(seen.operations),
        "events": sum(len(rows) for (_, name), rows in seen.tables.items() if name == "event"),
        "records": sum(map(len, seen.topics.values())),
        "states": sum(map(len, seen.states.values())),
        "poison": len(seen.poison),
    }
