"""Which ids a row of audit says were shown."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import pytest

from libs.common.http.reading import Reading
from libs.common.ids import named

ONE, OTHER = named("one"), named("other")
SHOWN: tuple[tuple[Any, list[UUID]], ...] = (
    (ONE, [ONE]),
    (str(ONE), [ONE]),
    ([str(ONE), ONE, str(OTHER)], [ONE, OTHER]),
    ({"lead": str(ONE), "subjects": [str(OTHER)]}, [ONE, OTHER]),
    (None, []),
    ("x" * 36, []),
    (f"{ONE} said so", []),
    (ONE.hex, []),
    ({"a": {"b": [str(ONE)]}}, []),
)


@pytest.mark.parametrize(("value", "ids"), SHOWN)
def test_what_has_the_form_of_an_id_was_shown_wherever_it_stands(
    value: Any, ids: list[UUID]
) -> None:
    look = Reading(cast(Any, None))
    look.all([{"about": None}, {"about": value}])
    assert list(look.ids) == ids
    assert look.fields == ("about",)
