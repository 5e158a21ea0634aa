"""What the list of requests says of a legal hold."""

from __future__ import annotations

from typing import Any

import pytest

from cli.subjects import _hold_of


@pytest.mark.parametrize(
    ("ground", "erased_at", "said"),
    [
        (None, None, "none"),
        (None, "2026-03-02T09:00:00Z", "none"),
        ("court-7", None, "court-7"),
        ("court-7", "2026-03-02T09:00:00Z", "court-7, which came too late"),
    ],
)
def test_a_hold_that_came_too_late_is_listed_so(
    ground: str | None, erased_at: str | None, said: str
) -> None:
    row: dict[str, Any] = {"ground": ground, "erased_at": erased_at}
    assert _hold_of(row) == said
