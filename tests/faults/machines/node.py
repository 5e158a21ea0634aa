"""A service without its servers: the real core decides, the tables and the log are in memory.

Crashes fall between deciding and storing, between storing and publishing, and between publishing
and marking: what comes after one is told by the tables alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from aiokafka.partitioner import murmur2

from libs.common import wire
from libs.common.changes import Changes
from libs.common.draft import Draft
from libs.common.journal import EventRow, Loaded, Stream
from libs.common.messages import Address, Cause, Context, Effect, Instruction
from libs.common.receiving import Receiver
from libs.common.service import Service
from libs.common.work import Fenced, Message, Place, Work

PARTITIONS = 3
Row = dict[str, Any]


@dataclass(frozen=True)
class Record:
    """As Kafka gives it. `timestamp`: milliseconds since 1970."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]
    timestamp: int = 0


class Log:
    """Topics as lists; what is appended stays."""

    def __init__(self) -> None:
        self.parts: dict[tuple[str, int], list[Record]] = {}

    def append(self, row: Row, source: str) -> None:
        key = row["key"].encode()
        partition = (murmur2(key) & 0x7FFFFFFF) % PARTITIONS
        part = self.parts.setdefault((row["topic"], partition), [])
        headers = wire.attributes(EventRow(**row), source.encode())
        place = (row["topic"], partition, len(part))
        part.append(Record(*place, key, row["data"].encode(), headers))

    def repeat(self, topic: str, partition: int, begin: int, end: int) -> None:
        """Some records once more, as after a crash that kept a relay from marking."""
        part = self.parts[topic, partition]
        for one in part[begin:end]:
            place = (topic, partition, len(part))
            part.append(Record(*place, one.key, one.value, one.headers))


@dataclass
class Node:
    """`standing`: where this process believes it stands; the table `position` is the truth."""

    service: Service
    facts: Any
    log: Log
    tables: dict[str, dict[Any, Row]] = field(default_factory=dict)
    journal: list[Row] = field(default_factory=list)
    marked: int = 0
    standing: dict[tuple[str, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        service = self.service
        self._receiver = Receiver(
            service.source, service.reads, service.policies, service.timers, service.buried
        )
        self._copies = {one.table: one for one in service.projections}

    def command(self, effects: Iterable[Effect], id: UUID, now: datetime, *, dies: bool) -> None:
        """As by HTTP; where it dies, nothing is stored and nothing answered."""
        told = tuple(effects)
        cause = Cause("test", str(id), id, f"{self.service.source}/http")
        work = Work(lambda _: told, cause, message=Message(id, "http"))
        self._settle([work], now, dies=dies)

    def take(self, part: tuple[str, int], most: int, now: datetime, *, dies: bool) -> None:
        """The next records of a partition, as one batch."""
        begin = self.standing.setdefault(part, self._position(part))
        records = self.log.parts.get(part, [])[begin : begin + most]
        works = list(self._works(part, begin, records))
        if not works:
            return
        self.standing[part] = begin + len(records)
        self._settle(works, now, dies=dies)
        if any(isinstance(work.result, Fenced) for work in works):
            del self.standing[part]

    def _works(
        self, part: tuple[str, int], begin: int, records: Sequence[Record]
    ) -> Iterable[Work]:
        nobody = Cause("system", "", UUID(int=0), "")
        for record in records:
            work = self._receiver.read(record) or Work(lambda _: (), nobody)
            work.place = Place(*part, begin, record.offset, record.offset + 1, record)
            yield work

    def restart(self) -> None:
        """All that was known in memory is gone."""
        self.standing.clear()

    def rewind(self, part: tuple[str, int]) -> None:
        """An assignment that is given back: another process read on meanwhile, or none did."""
        self.standing.pop(part, None)

    def publish(self, *, dies: bool) -> None:
        """What is not marked; where it dies, it is sent and not marked."""
        for row in self.journal[self.marked :]:
            self.log.append(row, self.service.source)
        if not dies:
            self.marked = len(self.journal)

    def _position(self, part: tuple[str, int]) -> int:
        row = self.tables.get("position", {}).get(part)
        return int(row["next"]) if row else 0

    def _settle(self, works: Sequence[Work], now: datetime, *, dies: bool) -> None:
        changes = self._decided(works, now)
        if dies:
            self.restart()
            return
        for part, rows in changes.batch(changes.event_rows({}), {}):
            names = [name for name, _ in part.columns]
            for values in rows:
                self._store(part.name, dict(zip(names, values, strict=True)), now)

    def _decided(self, works: Sequence[Work], now: datetime) -> Changes:
        planned = [self._planned(work, now) for work in works]
        loaded = self._loaded(works, now)
        addressed = [e for effects in planned for e in effects if isinstance(e, Instruction)]
        missing = {one.address: one.decider for one in addressed}
        while True:
            for address, decider in missing.items():
                loaded.streams[address] = self._stream(address, decider)
            context: Context[Any] = Context(self.facts, now, 1)
            draft = Draft(self.service.rules(), loaded, context)
            for work, effects in zip(works, planned, strict=True):
                draft.take(work, effects)
            if not draft.missing:
                return draft.changes
            missing = dict(draft.missing)

    def _planned(self, work: Work, now: datetime) -> Sequence[Effect]:
        return tuple(work.plan(Context(self.facts, now, 1, work.envelope)))

    def _loaded(self, works: Sequence[Work], now: datetime) -> Loaded:
        inbox = self.tables.get("inbox", {})
        loaded = Loaded(now, 1)
        loaded.inbox = {Message(*key): row["outcome"] for key, row in inbox.items()}
        parts = {(work.place.topic, work.place.partition) for work in works if work.place}
        known = self.tables.get("position", {})
        loaded.positions = {part: known[part]["next"] for part in parts if part in known}
        return loaded

    def _stream(self, address: Address, decider: Any) -> Stream:
        row = self.tables.get(address[0], {}).get(address[1])
        if row is None:
            return Stream(decider, address[1], decider.blank(address[1]), 0, 0, None)
        state = decider.state.validate_json(row["state"])
        return Stream(decider, address[1], state, row["version"], row["version"], row["key"])

    def _store(self, name: str, row: Row, now: datetime) -> None:
        match name:
            case "event":
                assert row["event_id"] not in {one["event_id"] for one in self.journal}
                self.journal.append(row)
            case "inbox":
                self._put(name, (row["message_id"], row["source"]), row)
            case "position":
                self._put(name, (row["topic"], row["partition"]), row)
            case "dead_letter":
                raise AssertionError(f"a good record was buried: {row['reason']}")
            case _ if name in self._copies:
                self._project(name, row)
            case _ if "state" in row:
                self._replace(name, row)

    def _put(self, table: str, key: Any, row: Row) -> None:
        self.tables.setdefault(table, {})[key] = row

    def _replace(self, table: str, row: Row) -> None:
        """Only at the version that was read."""
        before: Mapping[str, Any] = self.tables.get(table, {}).get(row["id"], {"version": 0})
        assert before["version"] == row["previous"]
        self._put(table, row["id"], row)

    def _project(self, table: str, row: Row) -> None:
        copy = self._copies[table]
        key = tuple(row[name] for name in copy.key)
        old = self.tables.setdefault(table, {}).get(key)
        if old is not None and type(copy).__name__ == "Counter":
            row = {n: v if n in copy.key else old[n] + v for n, v in row.items()}
        elif old is not None and type(copy).__name__ == "Log":
            row = old
        self._put(table, key, row)
