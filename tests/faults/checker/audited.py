"""I13: who asked for each change is told once, and nobody can have changed what is told."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator

from tests.faults.checker.seen import SERVICES, Row, Seen, moment, named
from tests.faults.checker.stored import BY_HTTP, Violation

Request = tuple[str, str, str, str, str]
"""Service, who asks, method and route, names in the query, and in the body."""
PERSONAL = ("GET /alerts", "GET /alerts/{id}/receipts", "GET /mediation-cases")
"""What shows records of people."""
SEALED_SECONDS, ANCHORED_SECONDS = 15.0, 90.0
"""After which a row has its hash, and others can see that of one after it."""
NAMES = (
    *("at", "actor", "acting_for", "grant_id", "action", "resource", "route", "purpose"),
    *("case_id", "filters", "fields", "ids", "outcome", "code", "command_id", "correlation_id"),
)


def recorded(seen: Seen) -> Iterator[Violation]:
    """Each command by HTTP that changed something has one row that says it was done, by whom it was
    asked; rows since the backup are lost with a database, though its events come back."""
    for service in SERVICES:
        rows = [row for row in seen.tables.get((service, "audit"), []) if row["outcome"] == "done"]
        done = Counter(row["command_id"] for row in rows)
        source = f"/civicgrid/{service}/http"
        actors = {
            e["causation_id"]: e["actor"]
            for e in seen.events(service)
            if e["causation_source"] == source
        }
        lost = _lost(seen, service)
        named_in = {row["command_id"]: row["ids"] for row in rows}
        for event in seen.events(service) if service in BY_HTTP else ():
            ids = named_in.get(event["causation_id"], [event["stream_id"]])
            if event["causation_source"] == source and event["stream_id"] not in ids:
                yield "I13", f"{service}: audit of {event['causation_id']} tells of {ids}"
        for cause in actors:
            if done[cause] > 1 or (not done[cause] and cause not in lost):
                yield "I13", f"{service}: command {cause} has {done[cause]} rows of audit"
        for row in rows:
            if row["command_id"] is not None and actors.get(row["command_id"]) != row["actor"]:
                yield "I13", f"{service}: {row['actor']} did not do {row['command_id']}"


def asked_for(seen: Seen) -> Iterator[Violation]:
    """Each row tells of a request that was made, with what was in it but for the fields of a body
    that was not looked into; each look at records that was answered has a row that tells what
    was shown, but for what is lost with a database."""
    asked, answered = Counter[Request](), Counter[Request]()
    lost = {service: seen.lost(service) for service in SERVICES}
    for line in seen.history:
        if line["what"] == "ask":
            asked[_request(line)] += line["items"]
            asked[_request({**line, "fields": []})] += line["items"] * bool(line["fields"])
        is_lost = any(span.has(line["at"]) for span in lost.get(line.get("service", ""), ()))
        if line["what"] == "read" and not is_lost:
            answered[_request(line)] += 1
    told, shown = Counter[Request](), Counter[Request]()
    for service in SERVICES:
        for row in seen.tables.get((service, "audit"), []):
            who = service, row["actor"], row["route"], " ".join(sorted(row["filters"]))
            fields = " ".join(sorted(row["fields"]))
            told[*who, fields if row["command_id"] else ""] += 1
            shown[*who, fields] += row["outcome"] == "done" or _found_nothing(row)
    for request, count in told.items():
        if count > asked[request]:
            yield "I13", f"{' '.join(request)}: {count} rows of audit, asked {asked[request]} times"
    for request, count in answered.items():
        if request[2] in PERSONAL and shown[request] < count:
            yield "I13", f"{' '.join(request)}: shown {count} times, {shown[request]} rows of audit"


def _found_nothing(row: Row) -> bool:
    """A list was looked through for what is not there, and answered; the audit calls that denied
    (row P17)."""
    is_answer = row["filters"] and not row["fields"]
    return bool(is_answer) and (row["outcome"], row["code"]) == ("denied", "not_found")


def _request(line: Row) -> Request:
    filters, fields = " ".join(line["filters"]), " ".join(sorted(line["fields"]))
    return line["service"], line["actor"], route_of(line), filters, fields


def route_of(line: Row) -> str:
    path = re.sub(r"/[0-9a-f]{8}-[0-9a-f-]{27}", "/{id}", line["key"])
    path = re.sub(r"^/areas/(?!batch$)[^/]+", "/areas/{code}", path)
    return f"{line['method']} {path}"


def _lost(seen: Seen, service: str) -> set[str]:
    """Commands whose rows may be."""
    spans = seen.lost(service)
    return {
        named(f"{service}/{one.key}")
        for one in seen.operations.values()
        if one.asked["service"] == service and any(map(one.was_done_in, spans))
    }


def chained(seen: Seen) -> Iterator[Violation]:
    """Rows have numbers in the order in which they were committed, all but the newest; each hash is
    that of its row and of all before it, and what was anchored is among them but for those lost."""
    for service in SERVICES:
        rows = seen.tables.get((service, "audit"), [])
        hash = hashlib.sha256(f"civicgrid audit of {service}".encode()).digest()
        hashes = [hash.hex()]
        for block in sorted(seen.tables.get((service, "audit_seal"), []), key=_first):
            if block["first"] != len(hashes):
                yield "I13", f"{service} has no row {len(hashes)} of audit"
                break
            hashes += block["hashes"]
            yield from _block(service, block, rows[block["first"] - 1 :], hashes)
        spans = seen.lost(service, "time")
        for _, data in seen.typed(service, "audit.anchored.v1"):
            number, at = data["number"], moment(data["sealed_at"]).timestamp()
            if any(begin < at < end for begin, end in spans):
                continue
            if number >= len(hashes) or hashes[number] != data["hash"]:
                yield "I13", f"{service} anchored another row {number} of audit than there is"


def sealed(seen: Seen) -> Iterator[Violation]:
    """No row stays without a hash, nor a hash without an anchor."""
    every = {name: seen.tables.get((name, "audit"), []) for name in SERVICES}
    last = max(
        (moment(row["at"]).timestamp() for rows in every.values() for row in rows), default=0
    )
    for service, rows in every.items():
        blocks = seen.tables.get((service, "audit_seal"), [])
        anchors = seen.typed(service, "audit.anchored.v1")
        has = {
            SEALED_SECONDS: sum(len(block["positions"]) for block in blocks),
            ANCHORED_SECONDS: max((data["number"] for _, data in anchors), default=0),
        }
        for seconds, count in has.items():
            old = sum(moment(row["at"]).timestamp() < last - seconds for row in rows)
            if count < old:
                what = "sealed" if seconds == SEALED_SECONDS else "anchored"
                yield (
                    "I13",
                    f"{service}: of {old} rows that are {seconds} s old, {count} are {what}",
                )


def _first(block: Row) -> int:
    return int(block["first"])


def _block(service: str, block: Row, rows: list[Row], hashes: list[str]) -> Iterator[Violation]:
    if len(block["positions"]) != len(block["hashes"]):
        yield "I13", f"{service}: of hashes from row {block['first']} on not each has its row"
    for n, position in enumerate(block["positions"]):
        number = block["first"] + n
        if n >= len(rows) or rows[n]["position"] != position:
            yield "I13", f"{service}: row {number} of audit is gone, or not in its order"
            return
        told = bytes.fromhex(hashes[number - 1]) + _canonical(rows[n])
        if hashlib.sha256(told).hexdigest() != hashes[number]:
            yield "I13", f"{service}: row {number} of audit is not what it was"
            return


def _canonical(row: Row) -> bytes:
    told = {name: row[name] for name in NAMES} | {"at": row["at"].replace(" ", "T", 1)}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()
