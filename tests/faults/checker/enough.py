"""Whether enough was done and befell it to say anything: without, good traces prove nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.faults.checker.seen import SERVICES, Row, Seen

NETWORK = ("latency", "reset", "half_open", "slices", "swallow")
MEDIATED = (
    *("mediation accept", "mediation form-panel", "mediation hold-session", "mediation agree"),
    *("mediation record-performance", "mediation close"),
)
OF_A_THOUSAND = {
    **{"intake": 50, "batch": 100, "urgent": 50, "poison": 10, "slow commit": 50},
    **{"asked again: the same": 20, "asked again: another": 15, "asked again: another body": 5},
    **{"leads sign": 20, "leads accept": 15, "leads feed-back": 10, "leads verify": 6},
    **{"leads close": 3, "leads return": 2, "alerts acknowledge": 6, "registry rename": 2},
    **dict.fromkeys(MEDIATED, 3),
    "mediation decline": 1,
}
"""How many must have come about at least, for each thousand of leads that are needed."""
AFTER_A_LEAP = {
    "alert.escalated.v1": 100,
    "supervision.issued.v1": 100,
    "mediation_case.fell_overdue.v1": 1,
    **{"late lead.signed.v1": 4, "late lead.closed.v1": 1, "late mediation_case.agreed.v1": 1},
    "late alert.acknowledged.v1": 4,
}
"""Events of the time limits that ran out, and steps after them, in the same way."""
LATE = {
    "leads": ("lead.signed.v1", "lead.closed.v1"),
    "mediation": ("mediation_case.agreed.v1",),
}
"""Steps that are on time or not."""


def acknowledged(seen: Seen) -> int:
    """Leads that were promised, by HTTP or by Kafka."""
    kinds = ("capture", "intake")
    return sum(o.kind in kinds and o.outcome == "ok" for o in seen.operations.values())


def missing(seen: Seen) -> Iterator[str]:
    needed = seen.end["least"]
    if (count := acknowledged(seen)) < needed:
        yield f"{count} acknowledged leads are too few, {needed} are needed"
    happened = _happened(seen)
    for name in dict.fromkeys(seen.end["expected"]):
        if not happened[name]:
            yield f"the fault {name!r} never happened"
    done = _done(seen)
    leapt = AFTER_A_LEAP if "leap" in seen.end["expected"] else {}
    for name, share in (*OF_A_THOUSAND.items(), *leapt.items()):
        if done[name] < (least := needed * share // 1000):
            yield f"{name}: {done[name]} are too few, {least} are needed"


def _happened(seen: Seen) -> Counter[str]:
    """Faults by the journal of them; those of the network by connections that met them."""
    found = Counter[str]()
    for fault in seen.faults:
        name = fault["fault"]
        if name not in (*NETWORK, "failpoint"):  # that it was begun says nothing
            found["failpoint" if name.startswith("failpoint ") else name] += 1
    for met in seen.end.get("net", {}).values():
        found.update(met)
    return found


def _done(seen: Seen) -> Counter[str]:
    slow = seen.end["faults"].get("slow commit", 0)
    found = Counter({"poison": len(seen.poison), "slow commit": slow})
    for one in seen.operations.values():
        found[one.kind] += one.outcome == "ok"
        found["batch"] += one.outcome == "ok" and "batch" in one.asked
        found["urgent"] += one.outcome == "ok" and one.asked.get("urgent", False)
    found.update(f"asked again: {one['how']}" for one in seen.history if one["what"] == "again")
    found.update(event["type"] for name in SERVICES for event in seen.events(name))
    found.update(f"late {event['type']}" for event in _late(seen))
    return found


def _late(seen: Seen) -> Iterator[Row]:
    """Steps that were taken after their time, and alerts that had gone up until somebody knew."""
    for service, types in LATE.items():
        yield from (event for event, data in seen.typed(service, *types) if not data["on_time"])
    risen = {event["stream_id"] for event, _ in seen.typed("alerts", "alert.escalated.v1")}
    for event, _ in seen.typed("alerts", "alert.acknowledged.v1"):
        if event["stream_id"] in risen:
            yield event
