"""An area: opened, changed, closed, and never left with something in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.common.messages import Refused
from services.registry.domain import AREA, ChangeArea, CloseArea, OpenArea
from services.registry.domain.area import Description

NOW = datetime(2026, 11, 24, tzinfo=UTC)
TOLD = Description("C-1", "One", "grid_l1", "C", community="C-1")


def told(*steps: Any) -> Any:
    state = AREA.blank(UUID(int=1))
    for step in steps:
        for event in AREA.decide(state, step):
            state = AREA.evolve(state, event)
    return state


def test_the_same_description_again_changes_nothing() -> None:
    opened = told(OpenArea(TOLD, NOW, None))
    assert AREA.decide(opened, OpenArea(TOLD, NOW, None)) == []
    events = AREA.decide(opened, OpenArea(replace(TOLD, name="Uno"), NOW, None))
    assert [event.type for event in events] == ["area.changed.v1"]


def test_an_area_keeps_its_place_in_the_tree() -> None:
    opened = told(OpenArea(TOLD, NOW, None))
    with pytest.raises(Refused, match="fixed_place_in_tree"):
        AREA.decide(opened, ChangeArea(replace(TOLD, parent="D"), NOW, None))


@pytest.mark.parametrize(("children", "holders"), [(1, 0), (0, 1)])
def test_an_area_in_use_is_not_closed(children: int, holders: int) -> None:
    opened = told(OpenArea(TOLD, NOW, None))
    later = NOW + timedelta(days=1)
    with pytest.raises(Refused, match="area_in_use"):
        AREA.decide(opened, CloseArea(later, later, children, holders))
    events = AREA.decide(opened, CloseArea(later, later, 0, 0))
    assert [event.type for event in events] == ["area.closed.v1"]
