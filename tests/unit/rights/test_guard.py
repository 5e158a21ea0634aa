"""What is told of a purpose that is missing, to somebody who may ask."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from libs.common.callers import Caller, Scope
from libs.common.http.guards import Denied
from libs.common.http.problems import Texts
from libs.rights import guard

ANYBODY = Caller(str(UUID(int=1)), None, Scope())
SHARING = frozenset({"resettle", "road_safety"})


@pytest.mark.parametrize(
    ("headers", "header", "wanted"),
    [
        ({}, "Civicgrid-Purpose", "resettle, road_safety"),
        ({"Civicgrid-Purpose": "curiosity"}, "Civicgrid-Purpose", "resettle, road_safety"),
        ({"Civicgrid-Purpose": "resettle"}, "Civicgrid-Case", "UUID"),
        ({"Civicgrid-Purpose": "resettle", "Civicgrid-Case": "his"}, "Civicgrid-Case", "UUID"),
    ],
)
def test_the_header_that_is_missing_is_named_and_what_it_takes(
    headers: dict[str, str], header: str, wanted: str
) -> None:
    request = cast(Any, SimpleNamespace(headers=headers))
    with pytest.raises(Denied) as denied:
        guard._check_purpose(request, ANYBODY, SHARING)
    for language in ("en", "zh"):
        told = Texts([]).problem(denied.value, language)["detail"]
        assert header in told and wanted in told and "{" not in told


def test_a_purpose_of_something_else_finds_nothing() -> None:
    headers = {"Civicgrid-Purpose": "share", "Civicgrid-Case": str(UUID(int=1))}
    with pytest.raises(Denied) as denied:
        guard._check_purpose(cast(Any, SimpleNamespace(headers=headers)), ANYBODY, SHARING)
    assert denied.value.status == 404
