"""A break-glass grant is its holder's alone, and is over at its end without anybody saying so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.city import City
from libs.city.tree import Holder
from libs.common.contracts.portal import BreakGlassEnded, BreakGlassGranted
from libs.rights.policy import Rights
from libs.rights.scopes import scope_of
from tests.unit.city.cities import area, city_of

NOW = datetime(2026, 11, 24, tzinfo=UTC)
END = NOW + timedelta(minutes=30)
ID, ADA, BO, LEAD = UUID(int=1), UUID(int=11), UUID(int=12), UUID(int=3)
TOLD: dict[str, Any] = {"grant_id": ID, "at": NOW, "person_ref": ADA, "ends_at": END, "by": BO}
AREAS = (
    *(area("c", "city"), area("t", "town", "c"), area("k", "grid_l1", "t")),
    *(area("g", "grid_l2", "k", community="k"), area("g1", "grid_l3", "g", community="k")),
)
RIGHTS: Rights = {"community_officer": frozenset({"granted"})}
SEATS = (Holder(ADA, "post", "community_officer", "elsewhere", None),)


def city(record: UUID | None = LEAD, area: str | None = None, ended: bool = False) -> City:
    granted = BreakGlassGranted(**TOLD, record=record, area=area)
    over: dict[str, Any] = {"ended_at": NOW, "ended_by": ADA, "review_due_at": END}
    end = BreakGlassEnded(**TOLD, record=record, area=area, **over)
    return city_of(*AREAS, granted, *([end] if ended else []))


def test_it_is_in_force_for_its_holder_until_its_end() -> None:
    there = city()
    assert there.grant(ID, ADA, END - timedelta(seconds=1))
    assert there.grant(ID, ADA, END) is None
    assert there.grant(ID, BO, NOW) is None
    assert there.grant(LEAD, ADA, NOW) is None
    assert city(ended=True).grant(ID, ADA, NOW) is None


@pytest.mark.parametrize(
    ("named", "scope"),
    [
        ({"record": LEAD}, {"record": {str(LEAD)}}),
        ({"record": None, "area": "g1"}, {"cell": {"g1"}}),
        ({"record": None, "area": "g"}, {"cell": {"g", "g1"}}),
        ({"record": None, "area": "k"}, {"cell": {"k"}, "community": {"k"}}),
    ],
    ids=["a record", "a cell", "cells", "a community"],
)
def test_it_widens_the_scope_by_what_it_names(named: Any, scope: Any) -> None:
    there = city(**named)
    grant = there.grant(ID, ADA, NOW)
    found = scope_of(RIGHTS, ADA, SEATS, there, grant)
    assert {kind: set(known) for kind, known in found.belongings.items()} == scope
    assert not found.everything
    assert scope_of(RIGHTS, ADA, SEATS, there).belongings == {}, "unless it is named"
    unmoved: Rights = {"community_officer": frozenset({"unit"})}
    assert scope_of(unmoved, ADA, SEATS, there, grant).belongings == {}, "where the file says so"
