"""Where it went: leads to the unit that answers for their place, alerts to the people who do.

Written from leads.md and alerts.md for a city whose offices and posts do not change, and whose
rules are those that it comes with.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.faults.checker.followed import LEAD_RULES
from tests.faults.checker.seen import Row, Seen
from tests.faults.checker.stored import Violation

UNITS = {
    "dispute": "mediation_centre",
    "clue": "police_room",
    "hazard": "police_room",
    "service": "community_station",
}
"""Kind of lead -> kind of the unit that answers for it."""
KINDS = {
    **dict.fromkeys(("theft", "fraud", "gambling", "suspicious_activity"), "clue"),
    **dict.fromkeys(("gas_bottle", "fire_risk", "quarry", "road_hazard"), "hazard"),
    **dict.fromkeys(("neighbour_quarrel", "family_quarrel"), "dispute"),
    **dict.fromkeys(("land_dispute", "wage_dispute"), "dispute"),
    **dict.fromkeys(("household_help", "street_light", "refuse", "graffiti", "other"), "service"),
}
"""Type of lead -> its kind: what events say of the kind is not believed."""
RULES = {
    "dispute": "disputes-to-mediation",
    "clue": "clues-to-police",
    "hazard": "clues-to-police",
    "service": "services-to-station",
}
"""Kind of lead -> the rule that routes it, but for clues and hazards that are urgent."""
URGENT = "urgent-to-police"
PLACED = ("lead.routed.v1", "lead.unrouted.v1")
ARBITRATION = ("lead.arbitration_requested.v1",)
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


def sent(seen: Seen) -> Iterator[Violation]:
    """I7: each lead went to the nearest unit for its type that had not returned it; to none only
    where there is none; and on from each unit that returned it."""
    there = city(seen)
    for lead, told in seen.streams("leads", "lead").items():
        kind, first = told[0]
        if kind != "lead.captured.v1":
            yield "I7", f"lead {lead} begins with {kind}"
        elif KINDS.get(first["lead_type"]) != first["kind"]:
            yield "I7", f"lead {lead}, {first['lead_type']}, was taken for {first['kind']}"
        else:
            yield from _sent(there, lead, first, told)
            yield from _sent_on(lead, told)


def _sent(
    there: City, lead: str, first: Row, told: Sequence[tuple[str, Row]]
) -> Iterator[Violation]:
    wanted, bounced = UNITS[first["kind"]], list[str]()
    for kind, data in told:
        if kind == "lead.returned.v1":
            bounced.append(data["returning_unit"])
        if kind not in PLACED:
            continue
        nearest = _nearest(there, first["cell"], wanted, bounced)
        if kind == "lead.unrouted.v1" and nearest:
            yield "I7", f"lead {lead} went nowhere, and {sorted(nearest)} answer for it"
        centres = _nearest(there, first["cell"], "town_centre", ())
        if kind == "lead.unrouted.v1" and data["unit"] not in centres:
            yield "I7", f"lead {lead}, of which nobody has to take care, lies at {data['unit']}"
        if kind == "lead.routed.v1" and data["overridden"]:
            yield "I7", f"lead {lead} was routed by hand, and nobody did"
        if kind == "lead.routed.v1" and data["unit"] not in nearest:
            yield "I7", f"lead {lead} of {first['cell']} went to {data['unit']}"
        if kind == "lead.routed.v1" and data["unit_kind"] != wanted:
            yield "I7", f"lead {lead} went to {data['unit']} as to a {data['unit_kind']}"
        rooms = _nearest(there, first["cell"], "police_room", ())
        if kind == "lead.routed.v1" and data["police_room"] not in rooms:
            yield "I7", f"lead {lead} of {first['cell']} reached {data['police_room']}"
        rule = URGENT if _is_urgent(first) and wanted == "police_room" else RULES[first["kind"]]
        if kind == "lead.routed.v1" and (data["rule"], data["rule_set"]) != (rule, 1):
            yield "I7", f"lead {lead} was routed by {data['rule']} of set {data['rule_set']}"


def _is_urgent(lead: Row) -> bool:
    return lead["urgency"] in ("urgent", "critical")


def directed(seen: Seen) -> Iterator[Violation]:
    """I10: a case is directed by an officer of its community."""
    there = city(seen)
    for event, data in seen.typed("mediation", "mediation_case.applied.v1"):
        officers = there.people.get((data["community"], "community_officer"), ())
        if data["director_ref"] not in officers:
            yield "I10", f"case {event['stream_id']} is directed by {data['director_ref']}"
        if (data["track"], data["level"]) != ("people", "community"):
            yield "I10", f"case {event['stream_id']} is {data['track']}, of the {data['level']}"


def _sent_on(lead: str, told: Sequence[tuple[str, Row]]) -> Iterator[Violation]:
    """The first return is routed anew, the second is arbitrated."""
    count = 0
    for n, (kind, _) in enumerate(told, start=1):
        if kind == "lead.returned.v1":
            count += 1
            after = told[n][0] if n < len(told) else "nothing"
            if after not in (PLACED if count == 1 else ARBITRATION):
                yield "I7", f"lead {lead} was returned for the {count}. time, then came {after}"


def _nearest(there: City, cell: str, kind: str, bounced: Sequence[str]) -> Collection[str]:
    found = (there.units.get((area, kind), ()) for area in there.chain(cell))
    return next((left for units in found if (left := set(units).difference(bounced))), ())


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
