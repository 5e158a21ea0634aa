"""What had to follow from it in the other services, once; and that it all came to rest."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

from tests.faults.checker.carried import COUNTED
from tests.faults.checker.caused import CLEARS
from tests.faults.checker.seen import Row, Seen, parsed
from tests.faults.checker.stored import Violation

LEAD_RULES = ("urgent-lead", "lead-in-cell")
REST_SECONDS = 60.0
"""From the healing on: a minute, and what was unread then at `BACKLOG_A_SECOND`."""
BACKLOG_A_SECOND = 400.0
OVER = ("normal", "returned_unacknowledged")
"""States of an alert that alarms nobody."""
OPEN = ("routed", "signed", "handling")
"""States of a lead that the end of its case feeds back."""

Count = tuple[tuple[str, ...], str, tuple[object, ...]]
"""Events; a field of them and the values that count, or no field."""

_CLOSED: Count = (("lead.closed.v1",), "on_time", (True, False))
_IN_TIME: Count = (("lead.closed.v1",), "on_time", (True,))
FIGURES: tuple[tuple[str, str, Count, Count], ...] = (
    ("grid_areas", "on_time", _IN_TIME, _CLOSED),
    ("grid_areas", "closed", (("lead.closed.v1",), "", ()), (("lead.captured.v1",), "", ())),
    (
        *("grid_areas", "routed"),
        (("lead.routed.v1",), "routing overridden", (1, False)),
        (("lead.captured.v1",), "", ()),
    ),
    (
        *("grid_areas", "acknowledged"),
        (("alert.acknowledged.v1",), "", ()),
        (("alert.raised.v1",), "late", (False,)),
    ),
    (
        *("grid_offices", "signed_on_time"),
        (("lead.signed.v1",), "on_time", (True,)),
        (("lead.signed.v1",), "", ()),
    ),
    ("grid_offices", "on_time", _IN_TIME, _CLOSED),
    (
        *("grid_offices", "rework"),
        (("lead.rework_ordered.v1",), "", ()),
        (("lead.rework_ordered.v1", "lead.verified.v1"), "", ()),
    ),
    (
        *("grid_offices", "returned"),
        (("lead.returned.v1",), "", ()),
        (("lead.returned.v1", "lead.signed.v1"), "", ()),
    ),
    (
        *("grid_offices", "agreed"),
        (("mediation_case.agreed.v1",), "", ()),
        (("mediation_case.agreed.v1", "mediation_case.failed.v1"), "", ()),
    ),
)


def routed(seen: Seen) -> Iterator[Violation]:
    """I7: every lead went somewhere, once for each routing, and these are numbered 1..n."""
    routings: dict[str, list[int]] = defaultdict(list)
    placed = set()
    for event, data in seen.typed("leads", "lead.routed.v1", "lead.unrouted.v1"):
        placed.add(event["stream_id"])
        if event["type"] == "lead.routed.v1":
            routings[event["stream_id"]].append(data["routing"])
            if not data["unit"]:
                yield "I7", f"lead {event['stream_id']} was routed to nobody"
    for id, numbers in routings.items():
        if numbers != list(range(1, len(numbers) + 1)):
            yield "I7", f"lead {id} has routings {numbers}"
    for event, _ in seen.typed("leads", "lead.captured.v1"):
        if event["stream_id"] not in placed:
            yield "I7", f"lead {event['stream_id']} was never routed"


def alerted(seen: Seen) -> Iterator[Violation]:
    """I10: one alert for each lead, and a receipt for each person that it told."""
    raised: Counter[str] = Counter()
    told: set[tuple[str, str]] = set()
    for event, data in seen.typed("alerts", "alert.raised.v1", "alert.escalated.v1"):
        told.update((person, event["stream_id"]) for person in data["recipients"])
        if event["type"] == "alert.raised.v1" and data["rule"] in LEAD_RULES:
            raised[data["about"]] += 1
    for event, _ in seen.typed("leads", "lead.captured.v1"):
        if (count := raised.pop(event["stream_id"], 0)) != 1:
            yield "I10", f"lead {event['stream_id']} has {count} alerts"
    for about in raised:
        yield "I10", f"an alert is about {about}, which is no lead"
    receipts = seen.tables.get(("alerts", "receipt"), [])
    found = {(row["person_ref"], row["alert_id"]) for row in receipts}
    if len(found) < len(receipts):
        yield "I10", f"{len(receipts) - len(found)} receipts are there twice"
    for person, alert in sorted(found ^ told):
        yield "I10", f"alert {alert} and its receipt of {person} do not agree"


def cleared(seen: Seen) -> Iterator[Violation]:
    """I10: what ended after it raised an alert alarms nobody any more."""
    raised_by = {
        event["stream_id"]: event["causation_id"]
        for event, _ in seen.typed("alerts", "alert.raised.v1")
    }
    events = [event for name in ("leads", "mediation") for event in seen.events(name)]
    version = {event["event_id"]: event["version"] for event in events}
    ends: dict[tuple[str, str], int] = {}
    for event in events:
        ends[event["stream_id"], event["type"]] = event["version"]
    for row in seen.states.get(("alerts", "alert"), []):
        state = parsed(row["state"])
        since = version.get(raised_by.get(row["id"], ""), 0)
        over = [ends.get((state["about"], kind), 0) for kind in CLEARS.get(state["rule"], ())]
        if max(over, default=0) > since and state["status"] not in OVER:
            yield "I10", f"alert {row['id']} goes on about {state['about']}, which is over"


def mediated(seen: Seen) -> Iterator[Violation]:
    """I10: one case for each dispute routed to a centre, there and of its place; its end comes back
    to the lead."""
    wanted = Counter(
        (data["lead_id"], data["unit"], data["community"], data["cell"])
        for _, data in seen.typed("leads", "lead.routed.v1")
        if data["unit_kind"] == "mediation_centre"
    )
    cases = Counter(
        (data["lead_id"], data["centre"], data["community"], data["cell"])
        for _, data in seen.typed("mediation", "mediation_case.applied.v1")
        if data["lead_id"]
    )
    applied = [data for _, data in seen.typed("mediation", "mediation_case.applied.v1")]
    if len({data["number"] for data in applied}) < len(applied):
        yield "I10", "two cases have one number"
    for one in wanted.keys() | cases.keys():
        if wanted[one] != cases[one]:
            yield "I10", f"lead {one[0]} went to {one[1]} {wanted[one]} x, cases {cases[one]}"
    states = seen.states.get(("leads", "lead"), [])
    status = {row["id"]: parsed(row["state"])["status"] for row in states}
    for _, data in seen.typed("mediation", "mediation_case.closed.v1"):
        if data["lead_id"] and status.get(data["lead_id"]) in OPEN:
            yield "I10", f"lead {data['lead_id']} was not fed back from its case"
    returned = {event["stream_id"] for event, _ in seen.typed("leads", "lead.returned.v1")}
    for _, data in seen.typed("mediation", "mediation_case.declined.v1"):
        lead = data["lead_id"]
        if lead and lead not in returned and status.get(lead) in OPEN[:2]:
            yield "I10", f"lead {lead} did not come back from its case"


def scored(seen: Seen) -> Iterator[Violation]:
    """I10: every event that counts was counted once, the figures are their sum, and what was
    published of them is what they are."""
    journal = {
        event["event_id"]: (event["type"], data)
        for service in ("leads", "alerts", "mediation")
        for event, data in seen.typed(service, *COUNTED)
    }
    rows = seen.tables.get(("scoring", "applied"), [])
    applied = Counter(row["event_id"] for row in rows)
    for row in rows:
        if row["type"] != journal.get(row["event_id"], (row["type"],))[0]:
            yield "I10", f"scoring counted {row['event_id']} as {row['type']}"
    for id in journal.keys() | applied.keys():
        if applied[id] != (id in journal):
            yield "I10", f"scoring counted {id} {applied[id]} times"
    wanted = _figures(journal)
    found = {
        (row["scheme"], row["subject"], row["indicator"]): (row["numerator"], row["denominator"])
        for row in seen.tables.get(("scoring", "tally"), [])
    }
    if len(found) < len(seen.tables.get(("scoring", "tally"), [])):
        yield "I10", "a figure stands twice"
    schemes = {(row["scheme"], row["version"]) for row in seen.tables.get(("scoring", "tally"), [])}
    if len(schemes) > len({scheme for scheme, _ in schemes}):
        yield "I10", "figures of one scheme are of two versions of it"
    for key in wanted.keys() | found.keys():
        if wanted.get(key) != found.get(key):
            yield "I10", f"figure {key} is {found.get(key)}, counted again {wanted.get(key)}"
    scores = [parsed(row["state"]) for row in seen.states.get(("scoring", "score"), [])]
    shown = {
        (one["scheme"], one["subject"], one["indicator"]): (one["numerator"], one["denominator"])
        for one in scores
    }
    if len(shown) < len(scores):
        yield "I10", f"{len(scores) - len(shown)} scores stand twice"
    reached = dict[str, tuple[int, int]]()
    for event, one in seen.typed("scoring", "score.updated.v1"):
        before = reached.get(event["stream_id"], (0, 0))
        reached[event["stream_id"]] = (one["numerator"], one["denominator"])
        if one["numerator"] < before[0] or one["denominator"] < before[1]:
            yield "I10", f"score {event['stream_id']} fell from {before}"
        if one["value"] != _percent(one["numerator"], one["denominator"]):
            yield "I10", f"{event['event_id']}: {one['numerator']} are no {one['value']} percent"
    for key in wanted.keys() | shown.keys():
        if wanted.get(key) != shown.get(key):
            yield "I10", f"score {key} is {shown.get(key)}, counted again {wanted.get(key)}"


def _percent(numerator: int, denominator: int) -> str:
    """With two decimals, half up."""
    if not denominator:
        return "n/a"
    percent = Decimal(100 * numerator) / denominator
    return str(percent.quantize(Decimal("0.01"), ROUND_HALF_UP))


def _figures(journal: dict[str, tuple[str, Row]]) -> dict[tuple[str, str, str], tuple[int, int]]:
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for kind, data in journal.values():
        for scheme, code, *counts in FIGURES:
            subject = _subject(scheme, kind, data)
            told = [_counts(count, kind, data) for count in counts]
            if subject is not None and any(told):
                for n in (0, 1):
                    sums[scheme, subject, code][n] += told[n]
    return {key: (pair[0], pair[1]) for key, pair in sums.items()}


def _subject(scheme: str, kind: str, data: Row) -> str | None:
    if scheme == "grid_areas":
        return data["cell"] or data["community"] or ""
    if kind == "lead.returned.v1":
        return str(data["returning_unit"])
    return data.get("unit") or data.get("centre")


def _counts(count: Count, kind: str, data: Row) -> bool:
    types, names, values = count
    if kind not in types:
        return False
    fields = names.split()
    if len(fields) > 1:
        return all(data[name] == value for name, value in zip(fields, values, strict=True))
    return not fields or data[fields[0]] in values


def rested(seen: Seen) -> Iterator[Violation]:
    """I12: it came to rest in time, nothing stands still, and no process ended by itself."""
    end = seen.end
    allowed = REST_SECONDS + end["backlog"] / BACKLOG_A_SECOND
    for busy in end["busy"]:
        yield "I12", f"still busy after {end['rest_seconds']} s: {busy}"
    if end["rest_seconds"] > allowed:
        yield "I12", f"at rest {end['rest_seconds']} s after it was healed, allowed {allowed:.0f} s"
    for name, faults in end["standing"].items():
        yield "I12", f"{name} stands still: {faults}"
    for fault in seen.faults:
        if fault["fault"] in ("ended by itself", "not ready", "unclean end", "restless"):
            yield "I12", f"{fault}"
        if fault["fault"] == "restore" and fault["unwell"]:
            yield "I9", f"after its recovery {fault['whom']} left unwell: {fault['unwell']}"
