"""Of which place it is, and whom that concerns: leads, cases, and alerts to the people there.

Written from leads.md and alerts.md for a city whose offices and posts do not change, and whose
rules are those that it comes with.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from tests.faults.checker.followed import LEAD_RULES
from tests.faults.checker.seen import Row, Seen, moment
from tests.faults.checker.stored import Violation

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
_TOWN, _CITY = "town_operator", "command_operator"
CLIMBS: Mapping[str, Sequence[str]] = {
    "urgent-lead": (_TOWN, _CITY),
    "lead-in-cell": (_TOWN, _CITY),
    "sign-off-overdue": (_CITY,),
}
"""Rule of an alert -> the role that is told at each step up."""
SEVERITY = {
    "urgent-lead": 3,
    "lead-in-cell": 2,
    "lead-unrouted": 3,
    "sign-off-overdue": 3,
    "case-overdue": 2,
}


SKEW = timedelta(minutes=5)
"""How far a clock of others may be off, and nothing is said of it (row L1)."""
PLAIN: Row = {
    **{"unit": None, "area_hint": None, "closed_at": None},
    **{"candidates": [], "near_border": False, "cancelled": False},
}
"""What is told of a lead whose cell was named, and that did not end elsewhere."""


@dataclass(frozen=True)
class City:
    """As its registry tells it. `communities` by area; `units` by area and kind, `people` by area
    and role."""

    parents: Mapping[str, str | None]
    communities: Mapping[str, str | None]
    units: Mapping[tuple[str, str], Collection[str]]
    people: Mapping[tuple[str, str], Collection[str]]

    def chain(self, cell: str | None) -> Iterator[str]:
        """The cell and all that it lies in."""
        while cell is not None:
            yield cell
            cell = self.parents.get(cell)

    def nearest(
        self, cell: str | None, kind: str, bounced: Collection[str] = ()
    ) -> Collection[str]:
        """Units of that kind which serve the cell, or the least area that it lies in where there
        are some that did not return it."""
        found = (self.units.get((area, kind), ()) for area in self.chain(cell))
        return next((left for units in found if (left := set(units).difference(bounced))), ())


def city(seen: Seen) -> City:
    areas = [data for _, data in seen.typed("registry", "area.opened.v1", "area.changed.v1")]
    units, people = defaultdict(set), defaultdict(set)
    for _, data in seen.typed("registry", "organisation.registered.v1"):
        units[data["area"], data["kind"]].add(data["code"])
    for _, data in seen.typed("registry", "appointment.activated.v1"):
        people[data["area"], data["role"]].add(data["person_ref"])
    parents, levels = ({one["code"]: one[name] for one in areas} for name in ("parent", "level"))
    places = {code: _community(code, parents, levels) for code in parents}
    return City(parents, places, units, people)


def _community(
    code: str | None, parents: Mapping[str, str | None], levels: Mapping[str, str]
) -> str | None:
    """The area of the first level of the grid that it lies in."""
    while code is not None and levels.get(code) != "grid_l1":
        code = parents.get(code)
    return code


def taken(seen: Seen) -> Iterator[Violation]:
    """I1: a lead was taken in for the community of its cell."""
    there = city(seen)
    for event, data in seen.typed("leads", "lead.captured.v1"):
        lead = event["stream_id"]
        if data["community"] != there.communities.get(data["cell"]):
            yield "I1", f"lead {lead} of {data['cell']} was taken in for {data['community']}"
        skew = abs(moment(data["at"]) - moment(data["received_at"])) > SKEW
        wanted = {**PLAIN, "clock_skew": skew}
        if wrong := [name for name, value in wanted.items() if data[name] != value]:
            yield "I1", f"lead {lead} was taken in with another {', '.join(wrong)}"


def _is_urgent(lead: Row) -> bool:
    return lead["urgency"] in ("urgent", "critical")


def directed(seen: Seen) -> Iterator[Violation]:
    """I10: a case is directed by an officer of its community."""
    there = city(seen)
    for event, data in seen.typed("mediation", "mediation_case.applied.v1"):
        officers = there.people.get((data["community"], "community_officer"), ())
        if data["director_ref"] not in officers:
            yield "I10", f"case {event['stream_id']} is directed by {data['director_ref']}"
        number = f"{data['centre']}-{moment(data['at']):%Y%m%d}-{event['stream_id'][-8:]}"
        if data["number"] != number:
            yield "I10", f"case {event['stream_id']} has the number {data['number']}, not {number}"
        if (data["track"], data["level"]) != ("people", "community"):
            yield "I10", f"case {event['stream_id']} is {data['track']}, of the {data['level']}"


def told(seen: Seen) -> Iterator[Violation]:
    """I10: an alert tells those who answer for its place, and nobody else; nor does a step up."""
    there = city(seen)
    for event, data in seen.typed("alerts", "alert.raised.v1", "alert.escalated.v1"):
        if event["type"] == "alert.raised.v1":
            wanted = set() if data["late"] else _holding(there, data["cell"], TOLD[data["rule"]])
        else:
            roles = CLIMBS.get(data["rule"], ())[data["level"] - 1 :]
            found = (_holding(there, data["cell"], [role]) for role in roles)
            wanted = next((people for people in found if people), set())
        people = data["recipients"]
        if set(people) != wanted or len(people) > len(wanted):
            yield "I10", f"alert {event['stream_id']} in {data['cell']} told others"


def _holding(there: City, cell: str | None, roles: Sequence[str]) -> set[str]:
    posts = ((area, role) for area in there.chain(cell) for role in roles)
    return {person for post in posts for person in there.people.get(post, ())}


def raised(seen: Seen) -> Iterator[Violation]:
    """I10: an alert is of the place of what it is about, by the rule for that, and as grave as the
    rule says; each lead that went nowhere has one, as has each card and each case that is late."""
    about = {
        event["stream_id"]: (event["type"], data)
        for service, kind in (
            *(("leads", "lead.captured.v1"), ("leads", "supervision.issued.v1")),
            ("mediation", "mediation_case.applied.v1"),
        )
        for event, data in seen.typed(service, kind)
    }
    alerts = Counter[tuple[str, str]]()
    for event, data in seen.typed("alerts", "alert.raised.v1"):
        what, cause = about.get(data["about"], ("", {}))
        alerts[data["about"], data["rule"]] += data["rule"] not in LEAD_RULES
        if wrong := _wrong(data, what, cause):
            yield "I10", f"alert {event['stream_id']}: {', '.join(wrong)} is not of {data['about']}"
    wanted = {(event["stream_id"], rule) for event, rule in _alarming(seen)}
    for one in wanted | alerts.keys():
        if alerts[one] != (one in wanted):
            yield "I10", f"{one[0]} has {alerts[one]} alerts by the rule {one[1]}"


def _alarming(seen: Seen) -> Iterator[tuple[Row, str]]:
    """What raises an alert besides the taking in of a lead, and by which rule."""
    yield from ((one, "lead-unrouted") for one, _ in seen.typed("leads", "lead.unrouted.v1"))
    for event, data in seen.typed("leads", "supervision.issued.v1"):
        if data["card"] in ("yellow", "red"):
            yield event, "sign-off-overdue"
    overdue = seen.typed("mediation", "mediation_case.fell_overdue.v1")
    yield from ((one, "case-overdue") for one, _ in overdue)


def _wrong(data: Row, what: str, cause: Row) -> list[str]:
    """What the alert says otherwise than it follows."""
    match what:
        case "lead.captured.v1":
            urgent = _is_urgent(cause)
            rules = ["urgent-lead" if urgent else "lead-in-cell", "lead-unrouted"]
        case "supervision.issued.v1":
            rules = ["sign-off-overdue"]
        case "mediation_case.applied.v1":
            rules = ["case-overdue"]
        case _:
            return ["about"]
    right = {name: data[name] == cause[name] for name in ("community", "cell")}
    right |= {"rule": data["rule"] in rules, "severity": data["severity"] == SEVERITY[data["rule"]]}
    right["late"] = data["late"] == cause.get("imported", False)
    return [name for name, is_so in right.items() if not is_so]
