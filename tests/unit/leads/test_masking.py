"""What is shown of a lead to its neighbours, and where."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from libs.city import City
from libs.common.contracts.leads import LeadEvent
from libs.common.messages import Refused
from services.leads.answers import LeadMasked
from services.leads.domain.lead import Lead, decide
from services.leads.domain.place import centre
from services.leads.masking import MASKED, check_filters, masked
from services.leads.projections import LEAD_CANDIDATE
from tests.unit.city.cities import area, city_of, envelope, square
from tests.unit.leads.test_lead import CAPTURE, ID, NOW

RING = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]
HOLE = [[1, 1], [3, 1], [3, 3], [1, 3], [1, 1]]
ROW: dict[str, Any] = {
    **{"id": UUID(int=1), "version": 3, "status": "routed", "community": "k", "cell": "g"},
    **{"lead_type": "theft", "kind": "clue", "urgency": "normal"},
    "received_at": "2026-03-01T09:00:00Z",
}


def city(*, cell: Any, community: Any = None) -> City:
    return city_of(area("k", "grid_l1", None, community), area("g", "grid_l3", "k", cell, "k"))


def test_the_point_is_the_middle_of_the_cell() -> None:
    assert centre(city(cell=square(2, 3, 1)), "g") == (2.5, 3.5)


def test_the_middle_of_a_ring_is_a_point_of_it() -> None:
    x, y = centre(city(cell={"type": "Polygon", "coordinates": [RING, HOLE]}), "g") or (2, 2)
    assert 0 <= x <= 4 and 0 <= y <= 4 and not (1 < x < 3 and 1 < y < 3)


def test_where_nobody_drew_the_cell_it_is_the_middle_of_the_closest_area_above() -> None:
    assert centre(city(cell=None, community=square(2, 2, 2)), "g") == (3.0, 3.0)


@pytest.mark.parametrize("code", ["g", "unknown"])
def test_where_nothing_is_drawn_there_is_no_point(code: str) -> None:
    assert "point" not in masked(ROW | {"cell": code}, city(cell=None))


def test_every_field_is_shown_or_named_as_masked() -> None:
    shown = masked(ROW, city(cell=square(0, 0, 1)))
    assert LeadMasked.model_validate(shown).point == (0.5, 0.5)
    assert shown.keys() == LeadMasked.model_fields.keys()
    assert {"unit", "source", "source_number", "explanation"} <= set(MASKED)
    assert not set(MASKED) & shown.keys()


def test_all_filters_that_are_masked_are_named_at_once() -> None:
    check_filters({"unit": None, "community": "k", "status": "routed"})
    with pytest.raises(Refused) as refused:
        check_filters({"unit": "u", "source_number": "", "community": "k"})
    assert (refused.value.code, refused.value.status) == ("masked_field", 422)
    assert [one["path"] for one in refused.value.errors] == ["/unit", "/source_number"]


@pytest.mark.parametrize(
    ("candidates", "others"),
    [((), []), (("k", "m"), ["m"]), (("j", "k", "m"), ["j", "m"])],
)
def test_whose_it_may_be_is_noted_but_for_whose_it_is(
    candidates: tuple[str, ...], others: list[str]
) -> None:
    capture = replace(CAPTURE, community="k", candidates=candidates)
    [event] = decide(Lead(ID), capture)
    assert noted(event) == [(ID, other) for other in others]


@pytest.mark.parametrize("ending", [{"closed_at": NOW}, {"cancelled": True}])
def test_history_that_ended_elsewhere_is_nobodys_to_see(ending: Any) -> None:
    capture = replace(CAPTURE, community="k", candidates=("k", "m"), imported=True, **ending)
    [event] = decide(Lead(ID), capture)
    assert noted(event) == []


def noted(event: LeadEvent) -> list[Any]:
    [noting] = LEAD_CANDIDATE.on.values()
    return list(noting(event, envelope(event)))
