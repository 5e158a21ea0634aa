"""Whether areas form one tree: one city, every other under a parent one level up (row R1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.registry.faults import Fault
from services.registry.policies import LEVELS
from services.registry.topology import Shaped


def rooted(areas: Sequence[Shaped]) -> tuple[list[Shaped], list[Fault]]:
    """What hangs on the city by legal steps, and a fault for everything that does not."""
    faults: list[Fault] = []
    kept = {area.body["code"]: area for area in areas}
    while found := [fault for area in kept.values() if (fault := _fault(area, kept))]:
        faults += found
        for fault in found:
            del kept[str(fault.area)]
    left = list(kept.values())
    cities = sum(area.body["level"] == "city" for area in left)
    if cities != 1:
        faults.append(Fault(None, "", "two_roots", "refused", value=str(cities)))
    if not any(area.body["level"] == "grid_l1" for area in left):
        faults.append(Fault(None, "", "no_community", "refused"))
    return left, faults


def _fault(area: Shaped, known: Mapping[str, Shaped]) -> Fault | None:
    body, parent = area.body, area.body["parent"]

    def fault(code: str) -> Fault:
        return Fault(area.index, "/parent", code, "left_out", body["code"], str(parent))

    if (body["level"] == "city") != (parent is None):
        return fault("parent_required" if parent is None else "city_has_no_parent")
    if parent is None:
        return None
    if parent not in known:
        return fault("orphan")
    if _in_a_cycle(area, known):
        return fault("cycle")
    above = known[parent].body["level"]
    if LEVELS.index(above) != LEVELS.index(body["level"]) - 1:
        return fault("skipped_level")
    return None


def _in_a_cycle(area: Shaped, known: Mapping[str, Shaped]) -> bool:
    seen = {area.body["code"]}
    code = area.body["parent"]
    while code in known and code not in seen:
        seen.add(code)
        code = known[code].body["parent"]
    return bool(code == area.body["code"])
