"""What a row of audit says of a request and of what came of it, held against who asked for what."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta

from tests.faults.checker.audited import PERSONAL, route_of
from tests.faults.checker.seen import SERVICES, Operation, Row, Seen, moment, named
from tests.faults.checker.stored import BY_HTTP, Violation
from tests.faults.checker.timed import CLOCK

_LEAD_STEPS = ("sign", "accept", "return", "verify", "close")
_CASE_STEPS = (
    *("accept", "decline", "form-panel", "hold-session", "agree", "record-performance"),
    "close",
)
ACTIONS: Mapping[str, tuple[str, str]] = {
    **{"GET /posts": ("list_posts", "post"), "POST /posts/batch": ("establish_posts", "post")},
    **{"POST /areas/batch": ("open_areas", "area"), "PUT /areas/{code}": ("change_area", "area")},
    "POST /organisations/batch": ("register_organisations", "organisation"),
    "POST /appointments/batch": ("appoint_persons", "appointment"),
    "POST /work-calendars/batch": ("publish_calendars", "calendar"),
    **{"GET /leads": ("list_leads", "lead"), "POST /leads": ("capture_lead", "lead")},
    "POST /leads/batch": ("capture_leads", "lead"),
    "POST /leads/{id}/feed-back": ("feed_back", "lead"),
    **{f"POST /leads/{{id}}/{step}": (f"{step}_lead", "lead") for step in _LEAD_STEPS},
    "GET /alerts": ("list_alerts", "alert"),
    "GET /alerts/{id}/receipts": ("list_receipts", "notification"),
    "POST /alerts/{id}/acknowledge": ("acknowledge", "alert"),
    "GET /mediation-cases": ("list_cases", "mediation_case"),
    **{
        f"POST /mediation-cases/{{id}}/{step}": (step.replace("-", "_"), "mediation_case")
        for step in _CASE_STEPS
    },
    "GET /scores": ("list_scores", "score"),
}
"""Route of a campaign -> what is done by it, and to what kind of record."""
NAMES_MORE = ("form_panel",)
"""Whose bodies hold ids: their rows tell of these, too, after that of the record."""
NEVER = ("grant_id", "purpose", "case_id")
"""What nobody in a campaign asks with."""
MAY_BE: Mapping[tuple[str, str | None], Collection[str]] = {
    ("done", None): ("ok", "unknown"),
    ("again", None): ("ok", "unknown"),
    ("refused", "illegal_transition"): ("fail", "unknown"),
    ("refused", "idempotency_conflict"): ("ok",),
}
"""What a row says came of a command, and why -> how this may have ended for who asked."""


def described(seen: Seen) -> Iterator[Violation]:
    """I13: each row says what was done, to what, in which posts, and what came of it."""
    held = defaultdict[str, set[str]](set)
    for _, data in seen.typed("registry", "appointment.activated.v1", "appointment.activated.v2"):
        held[named(f"account/{data['person_ref']}")].add(data["post"])
    asked = {
        named(f"{one.asked['service']}/{one.key}"): one
        for one in seen.operations.values()
        if one.kind != "intake"
    }
    for service in SERVICES:
        for row in seen.tables.get((service, "audit"), []):
            wrong = [*_wrong(service, row, held), *_wrong_of(row, asked.get(row["command_id"]))]
            if wrong:
                yield "I13", f"{service}: row {row['position']} says another {', '.join(wrong)}"


def _wrong(service: str, row: Row, held: Mapping[str, set[str]]) -> Iterator[str]:
    """Who asks is known to hold their posts once something was done for them."""
    if (row["action"], row["resource"]) != ACTIONS.get(row["route"]):
        yield "action"
    if any(row[name] is not None for name in NEVER):
        yield "reason"
    posts = held.get(row["actor"], set())
    is_known = service in BY_HTTP and row["outcome"] == "done"
    if set(row["acting_for"]) != posts and (is_known or row["acting_for"]):
        yield "post"
    if (row["code"] is None) != (row["outcome"] in ("done", "again")):
        yield "code"


def _wrong_of(row: Row, one: Operation | None) -> Iterator[str]:
    """Of a command that stands in the history."""
    if one is None:
        return
    if one.outcome not in MAY_BE.get((row["outcome"], row["code"]), ("fail", "unknown")):
        yield "outcome"
    ids = row["ids"][:1] if row["action"] in NAMES_MORE else row["ids"]
    if "subject" in one.asked and ids != [one.asked["subject"]]:
        yield "record"


def followed_up(seen: Seen) -> Iterator[Violation]:
    """I13: what followed from a command has the trace that its row has, and came at its time, by
    the clock of the city, which may have leapt."""
    leaps = [fault["seconds"] for fault in seen.faults if fault["fault"] == "leap"]
    ahead = [timedelta(seconds=sum(leaps[:n])) for n in range(len(leaps) + 1)]
    for service in SERVICES:
        rows = seen.tables.get((service, "audit"), [])
        done = {row["command_id"]: row for row in rows if row["outcome"] == "done"}
        for event in seen.events(service):
            row = done.get(event["causation_id"])
            if row is None or event["causation_source"] != f"/civicgrid/{service}/http":
                continue
            if row["correlation_id"] != event["correlation_id"]:
                yield "I13", f"{service}: {event['type']} {event['event_id']} has another trace"
            since = moment(event["recorded_at"]) - moment(row["at"])
            if not any(abs(since - leap) < CLOCK for leap in ahead):
                yield "I13", f"{service}: {row['action']} of {row['at']} was done {since} later"


def shown(seen: Seen) -> Iterator[Violation]:
    """I13: whoever or whatever was shown is named by a row for each time."""
    looks, rows = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    lost = {service: seen.lost(service) for service in SERVICES}
    for line in seen.history:
        is_read = line["what"] == "read" and route_of(line) in PERSONAL
        if is_read and not any(span.has(line["at"]) for span in lost[line["service"]]):
            looks.update((line["service"], line["actor"], route_of(line), id) for id in line["ids"])
    for service in SERVICES:
        for row in seen.tables.get((service, "audit"), []):
            if row["outcome"] == "done":
                rows.update((service, row["actor"], row["route"], id) for id in row["ids"])
    for look, count in looks.items():
        if rows[look] < count:
            yield "I13", f"{' '.join(look)}: shown {count} times, {rows[look]} rows tell of it"
