"""Where it went: leads to the unit that answers for their place, alerts to the people who do.

Written from leads.md and alerts.md for a city whose offices and posts do not change, and whose
rules are those that it comes with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.faults.checker.seen import Row, Seen
from tests.faults.checker.stored import Violation

UNITS = {
    "dispute": "mediation_centre",
    "clue": "police_room",
    "hazard": "police_room",
    "service": "community_station",
}
"""Kind of lead -> kind of the unit that answers for it."""
_BELOW = ("grid_informant", "grid_head", "community_officer")
_OVERDUE = ("community_officer", "town_operator")
TOLD = {
    "urgent-lead": _BELOW,
    "lead-in-cell": _BELOW,
    "lead-unrouted": ("town_operator", "command_operator"),
    "sign-off-overdue": _OVERDUE,
    "case-overdue": _OVERDUE,
}
"""Rule of an alert -> roles, in the areas of its place, of those whom it tells."""


@dataclass(frozen=True)
class City:
    """As its registry tells it. `units` by area and kind, `people` by area and role."""

    parents: Mapping[str, str | None]
    units: Mapping[tuple[str, str], Collection[str]]
    people: Mapping[tuple[str, str], Collection[str]]

    def chain(self, cell: str | None) -> Iterator[str]:
        """The cell and all that it lies in."""
        while cell is not None:
            yield cell
            cell = self.parents.get(cell)


def city(seen: Seen) -> City:
    areas = [data for _, data in seen.typed("registry", "area.opened.v1", "area.changed.v1")]
    units, people = defaultdict(set), defaultdict(set)
    for _, data in seen.typed("registry", "organisation.registered.v1"):
        units[data["area"], data["kind"]].add(data["code"])
    for _, data in seen.typed("registry", "appointment.activated.v1"):
        people[data["area"], data["role"]].add(data["person_ref"])
    return City({data["code"]: data["parent"] for data in areas}, units, people)


def sent(seen: Seen) -> Iterator[Violation]:
    """I7: each lead went to the nearest unit of its kind that had not returned it."""
    there, bounced = city(seen), defaultdict[str, list[str]](list)
    for event, data in seen.typed("leads", "lead.returned.v1", "lead.routed.v1"):
        lead = event["stream_id"]
        if event["type"] == "lead.returned.v1":
            bounced[lead].append(data["returning_unit"])
        elif data["unit"] not in _nearest(there, data, bounced[lead]):
            yield "I7", f"lead {lead} of {data['cell']} went to {data['unit']}"


def _nearest(there: City, data: Row, bounced: Sequence[str]) -> Collection[str]:
    found = (there.units.get((area, UNITS[data["kind"]]), ()) for area in there.chain(data["cell"]))
    return next((left for units in found if (left := set(units).difference(bounced))), ())


def told(seen: Seen) -> Iterator[Violation]:
    """I10: an alert tells those who answer for its place, and nobody else."""
    there = city(seen)
    for event, data in seen.typed("alerts", "alert.raised.v1"):
        chain = () if data["late"] else there.chain(data["cell"])
        posts = ((area, role) for area in chain for role in TOLD[data["rule"]])
        wanted = {person for post in posts for person in there.people.get(post, ())}
        if set(data["recipients"]) != wanted:
            yield "I10", f"alert {event['stream_id']} in {data['cell']} told others"
