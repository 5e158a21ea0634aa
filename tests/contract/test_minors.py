"""Persons under 14 are a class of their own, and so is whose age nobody knows (row P19)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from cli import contracts
from cli.city import SERVICES
from libs.common.service import Service
from libs.privacy.register import Minors, registered
from tests.support import fields

REGISTER = registered()
BORN = date(2012, 3, 1)
NOBODYS = {
    *(("AreaListed", name) for name in ("name", "kind")),
    *(("OrganisationShown", name) for name in ("name", "kind")),
    ("LeadMasked", "point"),
}
"""Called as what is said of persons is: of places and offices, and the centre of a cell."""


@pytest.mark.parametrize(
    ("born", "day", "is_minor"),
    [
        (BORN, date(2026, 2, 28), True),
        (BORN, date(2026, 3, 1), False),
        (date(2012, 2, 29), date(2026, 2, 28), True),
        (date(2012, 2, 29), date(2026, 3, 1), False),
        (None, date(2026, 3, 1), True),
    ],
)
def test_one_is_a_minor_until_the_day_one_is_fourteen(
    born: date | None, day: date, is_minor: bool
) -> None:
    assert REGISTER.minors.has(born, day) == is_minor


def test_less_is_held_of_them_and_for_a_shorter_time() -> None:
    limits = REGISTER.classes
    personal = [one.longest for kind, one in limits.items() if not one.published]
    longest = limits["minor"].longest
    assert longest and not limits["minor"].published
    assert all(other is None or longest <= other for other in personal)
    assert 2 * REGISTER.minors.review + 30 <= longest, "once more if it is retained, and a month"


@pytest.mark.parametrize("told", [{"under": 13, "review": 92}, {"under": 14, "review": 93}])
def test_a_city_may_ask_more_for_them_and_not_less(told: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Minors.model_validate(told)


def listed(service: Service) -> Iterator[tuple[str, str]]:
    """Schema and field of whatever a service answers in lists."""
    document = contracts.openapi(service)
    schemas: dict[str, Any] = document["components"]["schemas"]
    for route in document["paths"].values():
        answer = route.get("get", {}).get("responses", {}).get("200", {}).get("content")
        left = fields.named(answer)
        if not any("items" in schemas[name].get("properties", {}) for name in left):
            continue
        found: set[str] = set()
        while left:
            found |= left
            left = fields.named([schemas[name] for name in left]) - found
        for name in found:
            yield from ((name, field) for field in schemas[name].get("properties", {}))


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_no_list_shows_what_is_personal(service: Service) -> None:
    """Nobody in it is known to be grown up. What may reach a topic `test_register` tells."""
    shown = set(listed(service))
    assert shown
    for schema, field in shown - NOBODYS:
        kinds = REGISTER.classes_of(f"answer {service.name}", field)
        wrong = [kind for kind in kinds if not REGISTER.classes[kind].published]
        assert not wrong, f"{schema}.{field} is {wrong}"
