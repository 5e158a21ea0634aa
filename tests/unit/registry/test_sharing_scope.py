"""What the police share of a community is for who holds a post of exactly this community, however
a post of a wider area came about."""

from __future__ import annotations

from uuid import UUID

import pytest

from libs.rights import policy
from libs.rights.scopes import scope_of
from services.registry.domain.shared_batch import place
from tests.unit.city.cities import NESTED, START, city_of, holding, post

PERSON = UUID(int=7)
ACTIONS = ("submit_batch", "list_batches", "list_entries", "show_entry", "retain_entry")


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("area", ["C", "C-1", "C-1-1", "C-1-2", "C-1-1-1"])
def test_an_officer_is_one_of_a_community(action: str, area: str) -> None:
    seat = post("p", "community_officer", area)
    city = city_of(*NESTED, seat, holding(seat, PERSON.int))
    rights = policy.read()["registry"][action].rights
    scope = scope_of(rights, PERSON, city.seats(PERSON, START), city)
    assert scope.holds(place("C-1-1")) == (area == "C-1-1")
