"""What a campaign left behind, read from its files. Nothing of the product is used."""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

Row = dict[str, Any]

SERVICES = ("registry", "leads", "alerts", "mediation", "scoring", "portal")


@dataclass
class Seen:
    """`tables` and `states` by (service, name); `topics` from offset 0; `end`: what was so when
    all had come to rest."""

    history: list[Row] = field(default_factory=list)
    faults: list[Row] = field(default_factory=list)
    poison: list[Row] = field(default_factory=list)
    end: Row = field(default_factory=dict)
    tables: dict[tuple[str, str], list[Row]] = field(default_factory=dict)
    states: dict[tuple[str, str], list[Row]] = field(default_factory=dict)
    topics: dict[str, list[Row]] = field(default_factory=dict)

    def events(self, service: str) -> list[Row]:
        """In the order in which they were committed; `data` is text."""
        return self.tables.get((service, "event"), [])

    def typed(self, service: str, *types: str) -> Iterator[tuple[Row, Row]]:
        """Events of these types, with what they say."""
        for event in self.events(service):
            if event["type"] in types:
                yield event, parsed(event["data"])

    def streams(self, service: str, aggregate: str) -> dict[str, list[tuple[str, Row]]]:
        """What was said of each (type, data), in the order of versions."""
        found: dict[str, list[tuple[str, Row]]] = defaultdict(list)
        for event in sorted(self.events(service), key=lambda event: int(event["version"])):
            if event["aggregate"] == aggregate:
                found[event["stream_id"]].append((event["type"], parsed(event["data"])))
        return found

    def lost(self, service: str, clock: str = "at") -> list[Span]:
        """When it was that what its database alone knew is lost: since each backup that was
        restored. `clock`: `at`, of this machine, or `time`, since 1970."""
        spans, begin = [], math.inf
        for fault in self.faults:
            if fault["fault"] == "back_up" and fault["whom"] == service:
                begin = fault.get(clock, math.inf)
            if fault["fault"] == "restore" and fault["whom"] == service:
                spans.append(Span(begin, fault.get(clock, -math.inf)))
        return spans

    @cached_property
    def operations(self) -> Mapping[str, Operation]:
        return _operations(self.history)

    @cached_property
    def poisonous(self) -> frozenset[str]:
        """Digests of the values that nobody could read."""
        return frozenset(one["digest"] for one in self.poison)


class Span(NamedTuple):
    """Between a backup and the restoring of it, by one clock."""

    begin: float
    end: float

    def has(self, at: float) -> bool:
        return self.begin < at < self.end


@dataclass
class Operation:
    """`outcome`: the last that is known of it; `unknown` where nothing is. What was promised once
    stays so when it is asked again and nobody answers. `promised_at`: when it first was;
    `refused_at`: when it last was."""

    key: str
    kind: str
    asked: Row
    outcome: str = "unknown"
    promised_at: float = math.inf
    refused_at: float = math.inf
    statuses: list[int] = field(default_factory=list)

    def was_done_in(self, span: Span) -> bool:
        """Whether it can have been: asked before its end, and not promised before it began."""
        return bool(self.asked["at"] < span.end and self.promised_at > span.begin)


def _operations(history: list[Row]) -> dict[str, Operation]:
    found: dict[str, Operation] = {}
    for line in history:
        key = line["key"]
        if line["what"] == "invoke":
            found.setdefault(key, Operation(key, line["kind"], line))
        elif line["what"] in ("ok", "fail", "unknown") and key in found:
            if line["what"] != "unknown":
                found[key].outcome = line["what"]
            if line["what"] == "ok":
                found[key].promised_at = min(found[key].promised_at, line["at"])
            if line["what"] == "fail":
                found[key].refused_at = line.get("at", math.inf)
            found[key].statuses.append(line["status"])
    return found


def read(folder: Path) -> Seen:
    seen = Seen(
        history=_lines(folder / "history.jsonl"),
        faults=_lines(folder / "faults.jsonl"),
        poison=_lines(folder / "poison.jsonl"),
        end=json.loads((folder / "end.json").read_text()),
    )
    for file in sorted(folder.glob("*.*.jsonl")):
        kind, name = file.name.removesuffix(".jsonl").split(".", 1)
        if kind == "topic":
            seen.topics[name] = _lines(file)
        else:
            seen.tables[kind, name] = _lines(file)
    for file in sorted((folder / "states").glob("*.jsonl")):
        service, name = file.name.removesuffix(".jsonl").split(".", 1)
        seen.states[service, name] = _lines(file)
    return seen


def _lines(file: Path) -> list[Row]:
    with file.open() as lines:
        return [json.loads(line) for line in lines]


@cache
def parsed(text: str) -> Row:
    """What an event or a state says; for all who ask, so nobody may change it."""
    told: Row = json.loads(text)
    return told


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def digest(body: object) -> str:
    """SHA-256 of canonical JSON."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def named(name: str) -> str:
    """The id that a thing with a name has: a UUID of version 7 without time, of BLAKE2b."""
    rest = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=10).digest(), "big")
    high, low = rest >> 68 & 0xFFF, rest & ((1 << 62) - 1)
    return str(UUID(int=0x7 << 76 | high << 64 | 0b10 << 62 | low))


def grouped(rows: list[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    found: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(row[name] for name in names)].append(row)
    return found
