"""Where leads went: to the unit that answers for their place, by the rules that a city comes with.

Written from leads.md for a city whose offices do not change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from tests.faults.checker.placed import City, city
from tests.faults.checker.seen import Row, Seen
from tests.faults.checker.stored import Violation

KINDS = {
    **dict.fromkeys(("theft", "fraud", "gambling", "suspicious_activity"), "clue"),
    **dict.fromkeys(("gas_bottle", "fire_risk", "quarry", "road_hazard"), "hazard"),
    **dict.fromkeys(("neighbour_quarrel", "family_quarrel"), "dispute"),
    **dict.fromkeys(("land_dispute", "wage_dispute"), "dispute"),
    **dict.fromkeys(("household_help", "street_light", "refuse", "graffiti", "other"), "service"),
}
"""Type of lead -> its kind: what events say of the kind is not believed."""
_POLICE = ("clue", "hazard")
RULES: Sequence[tuple[str, Mapping[str, Sequence[str]], str]] = (
    ("disputes-to-mediation", {"kind": ("dispute",)}, "mediation_centre"),
    (
        *("urgent-to-police", {"kind": _POLICE, "urgency": ("urgent", "critical")}),
        "police_room",
    ),
    ("clues-to-police", {"kind": _POLICE}, "police_room"),
    ("services-to-station", {"kind": ("service",)}, "community_station"),
)
"""Rule, what a lead must be for it, and the kind of unit that then answers; the first one that has
such a unit."""
PLACED = ("lead.routed.v1", "lead.unrouted.v1")
ARBITRATION = ("lead.arbitration_requested.v1",)


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
    bounced = list[str]()
    for kind, data in told:
        if kind == "lead.returned.v1":
            bounced.append(data["returning_unit"])
        if kind not in PLACED:
            continue
        wanted = _answering(there, first, bounced)
        if kind == "lead.unrouted.v1":
            yield from _unrouted(there, lead, data, wanted)
        else:
            yield from _routed(there, lead, data, wanted)
        if data["explanation"] != _explained(there, first, wanted):
            yield "I7", f"where lead {lead} went is explained otherwise than it was found"


class Answering(NamedTuple):
    """`units`: that answer for a lead; none, where `rule` is None. `losing`: the rules before it,
    and why not."""

    rule: str | None
    unit_kind: str
    units: Collection[str]
    losing: list[Row]


def _answering(there: City, lead: Row, bounced: Sequence[str]) -> Answering:
    losing = list[Row]()
    for rule, when, unit_kind in RULES:
        not_so = (name for name, values in when.items() if lead[name] not in values)
        why = next((f"{name} is {lead[name]}" for name in not_so), None)
        units = () if why else there.nearest(lead["cell"], unit_kind, bounced)
        if units:
            return Answering(rule, unit_kind, units, losing)
        losing.append({"rule": rule, "why": why or f"no {unit_kind} here"})
    return Answering(None, "", (), losing)


def _explained(there: City, lead: Row, wanted: Answering) -> Row:
    inputs = {name: lead[name] for name in ("lead_type", "kind", "urgency", "source")}
    inputs["chain"] = list(there.chain(lead["cell"]))
    return {"rule_set": 1, "inputs": inputs, "losing": wanted.losing}


def _unrouted(there: City, lead: str, data: Row, wanted: Answering) -> Iterator[Violation]:
    if wanted.units:
        yield "I7", f"lead {lead} went nowhere, and {sorted(wanted.units)} answer for it"
    if data["unit"] not in there.nearest(data["cell"], "town_centre"):
        yield "I7", f"lead {lead}, of which nobody has to take care, lies at {data['unit']}"
    if data["reason"] != "no_unit":
        yield "I7", f"lead {lead} went nowhere for {data['reason']}"


def _routed(there: City, lead: str, data: Row, wanted: Answering) -> Iterator[Violation]:
    if data["overridden"]:
        yield "I7", f"lead {lead} was routed by hand, and nobody did"
    if data["unit"] not in wanted.units:
        yield "I7", f"lead {lead} of {data['cell']} went to {data['unit']}"
    if data["unit_kind"] != wanted.unit_kind:
        yield "I7", f"lead {lead} went to {data['unit']} as to a {data['unit_kind']}"
    if data["police_room"] not in there.nearest(data["cell"], "police_room"):
        yield "I7", f"lead {lead} of {data['cell']} reached {data['police_room']}"
    if (data["rule"], data["rule_set"]) != (wanted.rule, 1):
        yield "I7", f"lead {lead} was routed by {data['rule']} of set {data['rule_set']}"


def _sent_on(lead: str, told: Sequence[tuple[str, Row]]) -> Iterator[Violation]:
    """The first return is routed anew, the second is arbitrated."""
    count = 0
    for n, (kind, _) in enumerate(told, start=1):
        if kind == "lead.returned.v1":
            count += 1
            after = told[n][0] if n < len(told) else "nothing"
            if after not in (PLACED if count == 1 else ARBITRATION):
                yield "I7", f"lead {lead} was returned for the {count}. time, then came {after}"
