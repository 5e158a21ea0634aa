"""What brought each event about, and whether it may."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tests.faults.checker.carried import INTAKE_SOURCE
from tests.faults.checker.seen import SERVICES, Row, Seen, parsed
from tests.faults.checker.stored import Violation

HTTP, INTAKE_READ, TIMER, SWEEP, SEALER, BURIED = (
    "http",
    "intake",
    "timer",
    "sweep",
    "audit",
    "dead",
)
_TAKEN_IN = (HTTP, INTAKE_READ)
_ENDED = ("lead.closed.v1", "lead.dismissed.v1")
CAUSES: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("lead.captured.v1", "lead.filed.v1"), _TAKEN_IN),
    **dict.fromkeys(
        ("lead.routed.v1", "lead.unrouted.v1"), (*_TAKEN_IN, "mediation_case.declined.v1")
    ),
    **dict.fromkeys(
        ("lead.returned.v1", "lead.arbitration_requested.v1"), (HTTP, "mediation_case.declined.v1")
    ),
    "lead.fed_back.v1": (HTTP, "mediation_case.closed.v1"),
    "supervision.issued.v1": (TIMER,),
    "intake.accepted.v1": (INTAKE_READ,),
    "intake.rejected.v1": (INTAKE_READ, BURIED),
    "alert.raised.v1": (
        *("lead.captured.v1", "lead.unrouted.v1", "supervision.issued.v1"),
        "mediation_case.fell_overdue.v1",
    ),
    "alert.escalated.v1": (TIMER,),
    "alert.returned_to_normal.v1": (*_ENDED, "lead.routed.v1", "mediation_case.closed.v1"),
    "mediation_case.applied.v1": ("lead.routed.v1",),
    "mediation_case.fell_overdue.v1": (TIMER,),
    "break_glass.approval_fell_overdue.v1": (TIMER,),
    "break_glass.review_fell_overdue.v1": (TIMER,),
    "score.updated.v1": (SWEEP,),
    "audit.anchored.v1": (SEALER,),
}
"""What may have brought an event about: events of others, or what else happens to a service. All
other events follow from a request."""
CLEARS: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("urgent-lead", "lead-in-cell"), _ENDED),
    "lead-unrouted": (*_ENDED, "lead.routed.v1"),
    "case-overdue": ("mediation_case.closed.v1",),
}
"""Rule of an alert -> events after which nobody is alarmed any more."""


def caused(seen: Seen) -> Iterator[Violation]:
    """I2: every event follows from what may bring it about: an event that another service said and
    that is about the same, or something that this service noted when it came."""
    said = {
        (f"/civicgrid/{service}", event["event_id"]): event
        for service in SERVICES
        for event in seen.events(service)
    }
    about = dict[tuple[str, str], Row]()
    raised = {
        event["stream_id"]: said.get((event["causation_source"], event["causation_id"]))
        for event, _ in seen.typed("alerts", "alert.raised.v1")
    }
    for service in SERVICES:
        noted = {
            (row["source"], row["message_id"])
            for row in seen.tables.get((service, "inbox"), [])
            if row["outcome"] != "waiting"
        }
        for event in seen.events(service):
            cause = event["causation_source"], event["causation_id"]
            what = f"{service} has {event['type']} {event['event_id']} for {' '.join(cause)}"
            if not _may_follow(event, said.get(cause), _origin(service, cause[0])):
                yield "I2", what
            if not _may_clear(event, raised, said.get(cause)):
                yield "I2", f"{what}, which was before it"
            if not _knows_its_version(event, said.get(cause)):
                yield "I2", f"{what}, and tells of another version"
            if _origin(service, cause[0]) == TIMER and about.setdefault(cause, event) != event:
                yield "I2", f"{what}, which was about {about[cause]['stream_id']}"
            is_noted = _origin(service, cause[0]) in (INTAKE_READ, TIMER, BURIED)
            if is_noted and cause not in noted and not seen.lost(service):
                yield "I2", f"{what}, which never came"


def _may_clear(event: Row, raised: Mapping[str, Row | None], said: Row | None) -> bool:
    """What clears an alert came after what raised it."""
    began = raised.get(event["stream_id"])
    if event["type"] != "alert.returned_to_normal.v1" or not began or not said:
        return True
    is_of_another = began["stream_id"] != said["stream_id"]
    return is_of_another or int(said["version"]) > int(began["version"])


def _knows_its_version(event: Row, said: Row | None) -> bool:
    if event["type"] != "alert.raised.v1" or not said:
        return True
    version: int = parsed(event["data"])["about_version"]
    return version == int(said["version"])


def _origin(service: str, source: str) -> str:
    """Of what is no event of another service."""
    if source == INTAKE_SOURCE or source.startswith("dead:"):
        return INTAKE_READ if source == INTAKE_SOURCE else BURIED
    return source.removeprefix(f"/civicgrid/{service}/")


def _may_follow(event: Row, said: Row | None, origin: str) -> bool:
    causes = CAUSES.get(event["type"], (HTTP,))
    if said is None:
        return origin in causes
    data, cause = parsed(event["data"]), parsed(said["data"])
    ours = {event["stream_id"], data.get("about"), data.get("lead_id")}
    if not ours & {said["stream_id"], cause.get("lead_id")} - {None}:
        return False
    if event["type"] == "alert.returned_to_normal.v1":
        causes = CLEARS.get(data["rule"], ())
    return said["type"] in causes
