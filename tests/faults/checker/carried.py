"""What is stored was published, what was published was read, and nothing good was buried."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from tests.faults.checker.seen import SERVICES, Row, Seen, grouped, named, parsed, sha256
from tests.faults.checker.stored import Violation

_REGISTRY = (
    *("area.opened.v1", "area.changed.v1", "area.closed.v1", "organisation.registered.v1"),
    *("organisation.changed.v1", "organisation.closed.v1", "post.established.v1"),
    *("post.abolished.v1", "appointment.activated.v1", "appointment.ended.v1"),
    *("post.established.v2", "post.abolished.v2", "appointment.activated.v2"),
    *("appointment.ended.v2", "work_calendar.published.v1"),
)
_PORTAL = ("account.disabled.v1", "account.enabled.v1", "session.revoked.v1")
_ERASED = "subject.erased.v1"
_HOLDS = ("subject.held.v1", "subject.released.v1")
_FACTS = frozenset({*_REGISTRY, *_PORTAL, _ERASED})
COUNTED = (
    *("lead.captured.v1", "lead.routed.v1", "lead.signed.v1", "lead.returned.v1"),
    *("lead.rework_ordered.v1", "lead.verified.v1", "lead.closed.v1", "alert.raised.v1"),
    *("alert.acknowledged.v1", "mediation_case.agreed.v1", "mediation_case.failed.v1"),
)
"""Events that figures are made of."""
READS: Mapping[str, frozenset[str]] = {
    "registry": frozenset({*_PORTAL, "subject_erasure.confirmed.v1"}),
    "leads": frozenset(
        {*_FACTS, *_HOLDS, "mediation_case.closed.v1", "mediation_case.declined.v1"}
    ),
    "alerts": frozenset(
        {
            *_FACTS,
            *("lead.captured.v1", "lead.routed.v1", "lead.unrouted.v1", "lead.closed.v1"),
            *("lead.dismissed.v1", "supervision.issued.v1", "mediation_case.fell_overdue.v1"),
            *("mediation_case.closed.v1", "subject_request.confirmed.v1"),
            "subject_request.fell_overdue.v1",
        }
    ),
    "mediation": frozenset({*_FACTS, "lead.routed.v1"}),
    "scoring": frozenset({*_FACTS, *COUNTED}),
    "portal": frozenset({*_REGISTRY, _ERASED}),
}
"""Which events each service acts upon."""
TOPICS = {"intake_item": "civicgrid.receipts.sandbox", "audit_chain": "civicgrid.audit"}
"""Of the aggregates whose events are not in the topic of their service."""
KEYS = {"intake_item": "source_number", "audit_chain": "service"}
"""Of the aggregates that are not of a place, the field that is their key."""
TOLD = ("key", "type", "subject", "version", "digest")
"""Of a record, what must be as its event says: readers act by its headers."""
CODES = {"ce_specversion": "not_1_0", "ce_id": "missing", "ce_type": "missing"}
"""What is wrong with a record -> with which code it is rejected."""
INTAKE = "civicgrid.intake.sandbox"
INTAKE_SOURCE = "/civicgrid/intake/sandbox"


def published(seen: Seen) -> Iterator[Violation]:
    """I5: each event is in its topic as it is stored, and nothing else is."""
    known: dict[str, tuple[str, Row]] = {}
    for service in SERVICES:
        for one in seen.events(service):
            known[one["event_id"]] = service, one
            if one["topic"] != TOPICS.get(one["aggregate"], f"civicgrid.{service}"):
                yield "I5", f"{one['type']} {one['event_id']} is for {one['topic']}"
    found: set[str] = set()
    for topic, records in seen.topics.items():
        for record in records:
            if topic == INTAKE or record["digest"] in seen.poisonous:
                continue
            owner, event = known.get(record["id"], ("", None))
            if event is None or record["source"] != f"/civicgrid/{owner}":
                yield "I5", f"{topic} has {record['type']} {record['id']}, which is not stored"
                continue
            found.add(record["id"])
            if (topic, *(record[name] for name in TOLD)) != _as_stored(event):
                yield "I5", f"{topic} has {record['id']} otherwise than it is stored"
    for id in known.keys() - found:
        service, event = known[id]
        yield "I5", f"{service} never published {event['type']} {id}"


def _as_stored(event: Row) -> tuple[str, ...]:
    names = ("topic", "key", "type", "stream_id")
    return (*(event[name] for name in names), str(event["version"]), sha256(event["data"]))


def ordered(seen: Seen) -> Iterator[Violation]:
    """I11: first seen in the order of their versions, all of an aggregate under one key, all of a
    key in one partition."""
    for topic, records in seen.topics.items():
        if topic == INTAKE:
            continue
        good = [one for one in records if one["version"].isdigit()]  # I5 tells of the others
        good.sort(key=lambda one: (one["partition"], one["offset"]))
        for (key,), found in grouped(good, "key").items():
            if len({one["partition"] for one in found}) > 1:
                yield "I11", f"{topic} has key {key} in two partitions"
        for (subject,), found in grouped(good, "subject").items():
            if len({one["key"] for one in found}) > 1:
                yield "I11", f"{topic} has {subject} under two keys"
            early = _early([int(one["version"]) for one in found])
            if early:
                yield "I11", f"{topic} has {subject} {early} before the version below it"


def keyed(seen: Seen) -> Iterator[Violation]:
    """I11: what orders all that is said of a thing is the community where it began; itself, where
    it began in none; the number that its source gave it, or the service whose audit it is."""
    for service in SERVICES:
        keys = dict[tuple[str, str], str]()
        for event in sorted(seen.events(service), key=lambda one: int(one["version"])):
            data, of = parsed(event["data"]), (event["aggregate"], event["stream_id"])
            key = data.get(KEYS.get(event["aggregate"], "community")) or event["stream_id"]
            if event["key"] != keys.setdefault(of, key):
                yield "I11", f"{event['type']} of {event['stream_id']} is under {event['key']}"


def _early(versions: Iterable[int]) -> int | None:
    """The first that came before the one below it. Topics that were made anew are no excuse: the
    journals are told again before anything else."""
    reached = 0
    for version in versions:
        if version > reached + 1:
            return version
        reached = max(reached, version)
    return None


def handled(seen: Seen) -> Iterator[Violation]:
    """I6: each reader applied each event that it acts upon, once, and no other."""
    by_source = {
        f"/civicgrid/{service}": {event["event_id"]: event for event in seen.events(service)}
        for service in SERVICES
    }
    for service, types in READS.items():
        rows = seen.tables.get((service, "inbox"), [])
        inbox = {(row["message_id"], row["source"]): row["outcome"] for row in rows}
        if len(inbox) < len(rows):
            yield "I6", f"{service} has {len(rows) - len(inbox)} messages in its inbox twice"
        for source, events in by_source.items():
            if source == f"/civicgrid/{service}":
                continue
            wanted = [event for event in events.values() if event["type"] in types]
            for event in wanted:
                outcome = inbox.pop((event["event_id"], source), "lost")
                if outcome != "applied":
                    yield "I6", f"{service}: {event['type']} {event['event_id']} is {outcome}"
        for (id, source), outcome in inbox.items():
            if not _is_from(service, source):
                yield "I6", f"{service} {outcome} {id}, which {source} never said to it"
    yield from _intake_handled(seen)


def _is_from(service: str, source: str) -> bool:
    """Of what a service notes besides events of others: its own doings, letters, intake."""
    own = f"/civicgrid/{service}"
    intake = INTAKE_SOURCE if service == "leads" else own
    return source in (own, intake) or source.startswith((f"{own}/", "dead:"))


def _intake_handled(seen: Seen) -> Iterator[Violation]:
    rows = seen.tables.get(("leads", "inbox"), [])
    inbox = {row["message_id"]: row["outcome"] for row in rows if row["source"] == INTAKE_SOURCE}
    for record in seen.topics.get(INTAKE, []):
        if record["digest"] not in seen.poisonous:
            outcome = inbox.get(named(f"{INTAKE_SOURCE}/{record['id']}"), "lost")
            if outcome != "applied":
                yield "I6", f"leads: intake {record['key']} is {outcome}"
    events = (one for one in seen.events("leads") if one["causation_source"] == INTAKE_SOURCE)
    for id in inbox.keys() - {event["causation_id"] for event in events}:
        yield "I6", f"leads {inbox[id]} {id} of intake, of which nothing came"


def buried(seen: Seen) -> Iterator[Violation]:
    """I8: the dead letters are the poison, all of it, once, where it was, and nothing else."""
    for service in READS:
        wanted = {(one["topic"], one["digest"]) for one in seen.poison if service in one["readers"]}
        found: Counter[tuple[str, str]] = Counter()
        for letter in seen.tables.get((service, "dead_letter"), []):
            value = hashlib.sha256(base64.b64decode(letter["value"])).hexdigest()
            found[letter["topic"], value] += 1
        for topic, value in found.keys() - wanted:
            yield "I8", f"{service} buried a good record of {topic}: {value[:16]}"
        for topic, value in wanted:
            if (count := found[topic, value]) != 1:
                yield "I8", f"{service} buried the poison {value[:16]} of {topic} {count} times"


def rejected(seen: Seen) -> Iterator[Violation]:
    """I8: each bad record of an outside source is answered once, with what is wrong with it and
    where (row X7); no good one is."""
    answers: dict[str, list[Row]] = defaultdict(list)
    for _, data in seen.typed("leads", "intake.rejected.v1"):
        answers[data["source_number"]].append(data)
    wanted = {
        one["key"]: {
            **{"source": "sandbox", "source_number": one["key"]},
            **{"codes": [CODES[one["wrong"]]], "paths": [one["wrong"]]},
        }
        for one in seen.poison
        if one["topic"] == INTAKE
    }
    for number in sorted(wanted.keys() | answers.keys()):
        if answers[number] != [wanted.get(number)]:
            told = [(*one["codes"], *one["paths"]) for one in answers[number]]
            yield "I8", f"intake {number} was rejected {len(told)} times: {told}"
