"""What later events say again is what the earlier ones said, within a service and across them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tests.faults.checker.seen import Row, Seen, moment
from tests.faults.checker.stored import Violation

SAME: Mapping[tuple[str, str], Sequence[str]] = {
    ("leads", "lead"): ("community", "cell", "lead_type", "kind", "urgency", "imported"),
    ("alerts", "alert"): ("community", "cell", "about", "rule", "severity"),
    ("mediation", "mediation_case"): (
        *("community", "cell", "centre", "lead_id", "track"),
        "level",
    ),
}
"""What every event of an aggregate repeats."""
GIVEN = ("lead.routed.v1", "lead.arbitrated.v1")
DONE_BY_UNIT = (
    *("lead.signed.v1", "lead.accepted.v1", "lead.returned.v1", "lead.fed_back.v1"),
    *("lead.verified.v1", "lead.rework_ordered.v1", "lead.closed.v1"),
)
COUNTED = (
    ("leads", "lead", "lead.returned.v1", "count"),
    ("mediation", "mediation_case", "mediation_case.session_held.v1", "session"),
)
"""Service, aggregate, and events that say how often it happened: in which field."""
ENDS = {
    "mediation_case.performed.v1": "performed",
    "mediation_case.failed.v1": "failed",
    "mediation_case.withdrawn.v1": "withdrawn",
}
"""How a case ends -> the outcome with which it is closed."""


def repeated(seen: Seen) -> Iterator[Violation]:
    """I10: where it is, what it is about and how grave it is does not change on the way."""
    for (service, aggregate), names in SAME.items():
        for id, told in seen.streams(service, aggregate).items():
            for kind, data in told[1:]:
                wrong = [name for name in names if data[name] != told[0][1][name]]
                if wrong:
                    yield "I10", f"{kind} of {id} says another {', '.join(wrong)}"


def timed(seen: Seen) -> Iterator[Violation]:
    """I10: a step is credited to the unit that the lead was given to, and is on time or not by the
    limit that was set."""
    for id, told in seen.streams("leads", "lead").items():
        unit, limits = None, {"lead.closed.v1": told[0][1].get("due_at")}
        for kind, data in told:
            if kind in GIVEN:
                unit, limits["lead.signed.v1"] = data["unit"], data["sign_by"]
                if not data["sign_by"] or moment(data["sign_by"]) <= moment(data["at"]):
                    yield "I10", f"lead {id} had to be signed before it was routed"
            if kind in DONE_BY_UNIT and data.get("returning_unit", data["unit"]) != data["unit"]:
                yield "I10", f"{kind} of {id} names two units"
            if kind in DONE_BY_UNIT and data["unit"] != unit:
                yield "I10", f"{kind} of {id} is of {data['unit']}, to whom it was not given"
            if kind in limits and not _is_timed(data, limits[kind]):
                yield "I10", f"{kind} of {id} is not on time as it says, by {limits[kind]}"
    for id, told in seen.streams("mediation", "mediation_case").items():
        due = next((data["due_at"] for kind, data in told if kind.endswith(".accepted.v1")), None)
        for kind, data in told:
            if kind == "mediation_case.agreed.v1" and not _is_timed(data, due):
                yield "I10", f"{kind} of {id} is not on time as it says, by {due}"


def _is_timed(data: Row, limit: str | None) -> bool:
    """Whether it tells that limit, if any, and keeps it if it says so."""
    in_time = limit is not None and moment(data["at"]) <= moment(limit)
    return bool(data.get("due_at", limit) == limit and data["on_time"] == in_time)


def fed_back(seen: Seen) -> Iterator[Violation]:
    """I10: a case is closed as it ended; its lead hears just that, or why it was declined."""
    cases = {}
    for id, told in seen.streams("mediation", "mediation_case").items():
        ends = [ENDS[kind] for kind, _ in told if kind in ENDS]
        for kind, data in told:
            if kind == "mediation_case.closed.v1" and ends[-1:] != [data["outcome"]]:
                yield "I10", f"case {id} ended as {ends[-1:]}, and was closed as {data['outcome']}"
    for event, data in seen.typed(
        "mediation", "mediation_case.closed.v1", "mediation_case.declined.v1"
    ):
        told_as = data.get("outcome"), data.get("reason")
        cases[event["event_id"]] = (data["lead_id"], data["centre"], *told_as)
    for event, data in seen.typed("leads", "lead.fed_back.v1", "lead.returned.v1"):
        if event["causation_source"] == "/civicgrid/mediation":
            heard = (event["stream_id"], data["unit"], data.get("outcome"), data.get("reason"))
            if heard != cases.get(event["causation_id"]):
                yield "I10", f"{event['type']} of {event['stream_id']} is not what its case said"


def counted(seen: Seen) -> Iterator[Violation]:
    """I10: returns of a lead and sessions of a case are numbered as they came, from 1 on; and a
    return is of the lead as it was taken in."""
    for service, aggregate, kind, name in COUNTED:
        for id, told in seen.streams(service, aggregate).items():
            numbers = [data[name] for event, data in told if event == kind]
            if numbers != list(range(1, len(numbers) + 1)):
                yield "I10", f"{kind} of {id} is numbered {numbers}"
    sources = {e["stream_id"]: data for e, data in seen.typed("leads", "lead.captured.v1")}
    for event, data in seen.typed("leads", "lead.returned.v1"):
        if data["source"] != sources.get(event["stream_id"], {}).get("source"):
            yield "I10", f"lead {event['stream_id']} came back as of {data['source']}"
