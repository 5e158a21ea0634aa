"""What a neighbour sees of a lead, the same wherever it is shown (row P18)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from libs.city import City
from libs.common.messages import Refused
from services.leads.answers import LeadExplained, LeadMasked
from services.leads.domain.place import centre

MASKED = sorted(LeadExplained.model_fields.keys() - LeadMasked.model_fields.keys())
"""Fields that it has, and that are not shown."""


def masked(row: Mapping[str, Any], city: City) -> dict[str, Any]:
    """`row`: of the view `neighbour_lead`, which has no field that is masked, and no point: the one
    that is shown follows from the cell."""
    middle = centre(city, row["cell"])
    point = {"point": middle} if middle else {}
    return {**row, "id": str(row["id"]), **point, "masked": MASKED}


def check_filters(told: Mapping[str, object]) -> None:
    """What is hidden may not be guessed by asking for it. Raises Refused, 422, for all of them at
    once; None: it was not asked for."""
    asked = (name for name, value in told.items() if value is not None and name in MASKED)
    if errors := [{"path": f"/{name}", "code": "masked"} for name in asked]:
        raise Refused("masked_field", status=422, errors=errors)
