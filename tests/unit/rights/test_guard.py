"""What is told of a purpose that is missing, to somebody who may ask."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from libs.common.callers import Caller, Scope
from libs.common.http.guards import Denied
from libs.common.http.problems import Texts
from libs.privacy.register import registered
from libs.rights import guard

ANYBODY = Caller(str(UUID(int=1)), None, Scope())
DAY = date(2026, 11, 30)
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
        guard._check_purpose(request, ANYBODY, SHARING, DAY)
    for language in ("en", "zh"):
        told = Texts([]).problem(denied.value, language)["detail"]
        assert header in told and wanted in told and "{" not in told


def test_a_purpose_of_something_else_finds_nothing() -> None:
    headers = {"Civicgrid-Purpose": "share", "Civicgrid-Case": str(UUID(int=1))}
    with pytest.raises(Denied) as denied:
        guard._check_purpose(cast(Any, SimpleNamespace(headers=headers)), ANYBODY, SHARING, DAY)
    assert denied.value.status == 404


@pytest.mark.parametrize(
    ("part", "code"), [("assessments", "assessment_required"), ("bases", "basis_over")]
)
def test_a_purpose_that_nothing_lets_be_any_more_shows_nothing(
    monkeypatch: pytest.MonkeyPatch, part: str, code: str
) -> None:
    """Nor in a service that began while it was (rows P1, P15)."""
    known = registered()
    ended = {"until": date(2026, 11, 29)}
    parts = {name: one.model_copy(update=ended) for name, one in getattr(known, part).items()}
    changed = known.model_copy(update={part: parts})
    monkeypatch.setattr(guard, "registered", lambda: changed)
    headers = {"Civicgrid-Purpose": "resettle", "Civicgrid-Case": str(UUID(int=1))}
    request = cast(Any, SimpleNamespace(headers=headers))
    guard._check_purpose(request, ANYBODY, SHARING, date(2026, 11, 29))
    with pytest.raises(Denied) as denied:
        guard._check_purpose(request, ANYBODY, SHARING, DAY)
    assert (denied.value.status, denied.value.code) == (422, code)
    assert denied.value.path == "/purpose"
    for language in ("en", "zh"):
        assert Texts([]).problem(denied.value, language)["detail"] != code
