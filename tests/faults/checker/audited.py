"""I13: who asked for each change is told once, and nobody can have changed what is told."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator

from tests.faults.checker.seen import SERVICES, Row, Seen, moment, named
from tests.faults.checker.stored import Violation

NAMES = (
    *("at", "actor", "acting_for", "grant_id", "action", "resource", "route", "purpose"),
    *("case_id", "filters", "fields", "ids", "outcome", "code", "command_id", "correlation_id"),
)


def recorded(seen: Seen) -> Iterator[Violation]:
    """Each command by HTTP that changed something has one row that says it was done; rows since the
    backup are lost with a database, though its events come back."""
    for service in SERVICES:
        done = Counter(
            row["command_id"]
            for row in seen.tables.get((service, "audit"), [])
            if row["outcome"] == "done"
        )
        source = f"/civicgrid/{service}/http"
        events = seen.events(service)
        lost = _lost(seen, service)
        for cause in {e["causation_id"] for e in events if e["causation_source"] == source}:
            if done[cause] > 1 or (not done[cause] and cause not in lost):
                yield "I13", f"{service}: command {cause} has {done[cause]} rows of audit"


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


def _first(block: Row) -> int:
    return int(block["first"])


def _block(service: str, block: Row, rows: list[Row], hashes: list[str]) -> Iterator[Violation]:
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
