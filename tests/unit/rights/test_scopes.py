"""What belongs to a scope, by what things are to a post."""

from __future__ import annotations

from itertools import product
from uuid import UUID

from libs.city.tree import Holder
from libs.rights import policy
from libs.rights.scopes import scope_of
from tests.unit.city.cities import NESTED, city_of

PERSON = UUID(int=11)
CITY = city_of(*NESTED)


def test_what_is_near_a_community_is_in_no_scope_of_what_is_in_it() -> None:
    # given an officer who may see what is near their community
    seat = Holder(PERSON, "post", "community_officer", "C-1-1", "room")
    scope = scope_of({"community_officer": frozenset({"neighbour"})}, PERSON, [seat], CITY)
    # then that is all that their scope names
    assert scope.belongings == {"neighbour": frozenset({"C-1-1"})}
    # and no command reaches a thing by it: things do not belong to neighbours
    assert not scope.holds({"community": ("C-1-1",), "cell": ("C-1-1",), "unit": ("room",)})


def test_two_reads_of_leads_are_open_to_neighbours_and_nothing_else() -> None:
    found = {
        (name, role)
        for actions in policy.read().values()
        for name, action in actions.items()
        for role, relations in action.rights.items()
        if "neighbour" in relations
    }
    police = ("community_officer", "auxiliary_officer")
    assert found == set(product(("list_leads", "show_lead"), police))
