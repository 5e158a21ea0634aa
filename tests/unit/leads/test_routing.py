"""Which unit answers: pure, the same for the same inputs, and never one that is elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

from services.leads.domain.routing import Inputs, Limit, Routing, Rule, RuleSet, Unrouted, route
from services.leads.rules import LEAD_TYPES, ROUTING

NOW = datetime(2026, 4, 30, 8, tzinfo=UTC)
KINDS: tuple[Any, ...] = ("police_room", "mediation_centre", "community_station", "town_centre")


@dataclass(frozen=True)
class Office:
    code: str
    kind: Any
    area: str


class Tree:
    """Random areas of random depth, with offices in some of them."""

    def __init__(self, chance: Random) -> None:
        self.parent: dict[str, str | None] = {"0": None}
        for n in range(1, chance.randint(2, 30)):
            self.parent[str(n)] = str(chance.randrange(n))
        self.offices = {
            (kind, area): Office(f"{kind}-{area}", kind, area)
            for kind in KINDS
            for area in self.parent
            if chance.random() < 0.3
        }

    def organisation_of(self, kind: Any, area: str) -> Office | None:
        return self.offices.get((kind, area))

    def calendar(self, year: int) -> None:
        return None

    def chain(self, area: str | None) -> tuple[str, ...]:
        found = []
        while area is not None:
            found.append(area)
            area = self.parent[area]
        return tuple(found)


def inputs(chance: Random, chain: tuple[str, ...]) -> Inputs:
    kind = LEAD_TYPES[chance.choice(sorted(LEAD_TYPES))]
    return Inputs(kind.code, kind.kind, kind.urgency, "app", chain)


def test_no_lead_goes_to_a_unit_whose_area_does_not_contain_its_cell() -> None:
    """Over 10,000 random trees (row L2)."""
    chance = Random(2)
    routed = 0
    for _ in range(10_000):
        tree = Tree(chance)
        chain = tree.chain(chance.choice(sorted(tree.parent)))
        refused = tuple(one.code for one in tree.offices.values() if chance.random() < 0.1)
        given = inputs(chance, chain)
        found = route(ROUTING, given, tree, NOW, refused)
        assert found == route(ROUTING, given, tree, NOW, refused)
        if isinstance(found, Routing):
            routed += 1
            office = tree.offices[found.unit_kind, found.unit.rpartition("-")[2]]
            assert office.area in chain
            assert found.unit not in refused
        else:
            told = {one["rule"] for one in found.explanation["losing"]}
            assert told == {rule.id for rule in ROUTING.rules}
    assert routed > 1_000


def test_the_first_rule_that_matches_wins_and_the_losers_say_why() -> None:
    tree = Tree(Random(1))
    tree.offices = {("police_room", "0"): Office("police_room-0", "police_room", "0")}
    limit = Limit(amount=1, unit="emergency_hour")
    rules = RuleSet(
        version=3,
        rules=(
            Rule(id="elsewhere", when={"area": ("nowhere",)}, to="police_room", sign_within=limit),  # type: ignore[arg-type]
            Rule(id="no-unit", to="department", sign_within=limit),
            Rule(id="room", to="police_room", sign_within=limit),
            Rule(id="never-asked", to="police_room", sign_within=limit),
        ),
    )
    found = route(rules, Inputs("theft", "clue", "urgent", "app", ("0",)), tree, NOW)
    assert isinstance(found, Routing)
    assert (found.rule, found.rule_set) == ("room", 3)
    assert found.explanation["losing"] == [
        {"rule": "elsewhere", "why": "area is another"},
        {"rule": "no-unit", "why": "no department here"},
    ]


def test_no_place_is_unrouted() -> None:
    found = route(ROUTING, Inputs("theft", "clue", "urgent", "app", ()), Tree(Random(1)), NOW)
    assert isinstance(found, Unrouted)
    assert found.reason == "no_place"
