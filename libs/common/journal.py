"""PostgreSQL: every event once, the latest state beside it, and what was handled.

`event` is outbox, audit trail, timeline and replay source at once. What keeps two writers apart
is the state row: it is replaced only if its version is the one that was read; otherwise nothing
of the batch is stored, and it is decided again.

`transaction_id` is assigned after the states were read, so that (transaction_id, position) orders
the events of a stream as they happened. Hence `load` is no part of the transaction of `store`,
and nothing that takes a transaction id may come before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, reduce
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import asyncpg

from libs.common.ids import derived
from libs.common.messages import Address, Decider, Envelope
from libs.common.statement import CONFLICT, FENCED, Part, insert
from libs.common.work import Fired, Message

AnyDecider: TypeAlias = Decider[Any, Any, Any]
Connection: TypeAlias = "asyncpg.Connection[Any]"
Told = tuple[str, UUID]
"""A source, and a subject that it tells of: its versions are those of this one alone."""


@dataclass(slots=True)
class Stream:
    """One aggregate in memory. `stored` is the version that was read, 0 for a new one."""

    decider: AnyDecider
    id: UUID
    state: Any
    stored: int
    version: int
    key: str | None

    def copy(self) -> Stream:
        return Stream(self.decider, self.id, self.state, self.stored, self.version, self.key)


@dataclass(slots=True)
class Asked:
    """What a batch must know before it decides. `planned_at`: when it was planned."""

    planned_at: datetime | None = None
    streams: dict[Address, AnyDecider] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    told_keys: list[str] = field(default_factory=list)
    partitions: list[tuple[str, int]] = field(default_factory=list)
    fired: list[Fired] = field(default_factory=list)
    subjects: list[UUID] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """`digest`: of the request, in hex; `scope`: of the scope that it was asked in, too."""

    digest: str
    scope: str
    status: int
    body: Mapping[str, Any]


@dataclass(slots=True)
class Loaded:
    now: datetime
    facts_number: int
    streams: dict[Address, Stream] = field(default_factory=dict)
    inbox: dict[Message, str] = field(default_factory=dict)
    requests: dict[tuple[str, str], FirstAnswer] = field(default_factory=dict)
    told: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """By key: from where it came before, with the digest of what was asked."""
    positions: dict[tuple[str, int], int] = field(default_factory=dict)
    fired: set[Fired] = field(default_factory=set)
    is_newer: bool = False
    """Some state of it was changed since the batch was planned."""
    waiting: dict[Told, dict[int, datetime]] = field(default_factory=dict)
    """Versions of subjects whose messages wait, and until when."""


async def load(connection: Connection, asked: Asked) -> Loaded:
    """One round trip, whatever the number of aggregates; one more for a state of an old shape."""
    by_table: dict[str, list[UUID]] = {}
    for name, id in asked.streams:
        by_table.setdefault(name, []).append(id)
    parts: list[tuple[str, Sequence[Any]]] = [
        ("inbox", [[message.id for message in asked.messages]] if asked.messages else []),
        ("request", list(zip(*asked.requests, strict=True))),
        ("told", [asked.told_keys] if asked.told_keys else []),
        ("position", list(zip(*asked.partitions, strict=True))),
        ("timer", list(zip(*((one.name, one.id) for one in asked.fired), strict=True))),
        ("waiting", [asked.subjects] if asked.subjects else []),
        *((table, [ids, asked.planned_at]) for table, ids in by_table.items()),
    ]
    filled = [(name, columns) for name, columns in parts if columns]
    query = _reading(tuple(name for name, _ in filled))
    rows = await connection.fetch(query, *(column for _, columns in filled for column in columns))
    loaded = _sort(rows, asked)
    await _fold_anew(connection, [row for row in rows if _is_old(row, asked)], asked, loaded)
    return loaded


_HEAD = """
SELECT 'now' AS name, NULL::uuid AS id, NULL::text AS note, number, NULL::int AS shape,
       NULL::text AS key, NULL::text AS body, clock_timestamp() AS moment FROM facts
"""
_SELECTS = {
    "inbox": (1, "SELECT 'inbox', message_id, source, NULL, NULL, outcome, NULL, NULL"
                 " FROM inbox WHERE message_id = ANY({0}::uuid[])"),
    "request": (2, "SELECT 'request', NULL, source, status, NULL, request.key,"
                   " encode(digest, 'hex') || encode(scope, 'hex') || answer::text, NULL"
                   " FROM request"
                   " JOIN unnest({0}::text[], {1}::text[]) AS asked (source, key)"
                   " USING (source, key)"),
    "told": (1, "SELECT 'told', NULL, source, NULL, NULL, key, encode(digest, 'hex'), NULL"
                " FROM request WHERE key = ANY({0}::text[])"),
    "position": (2, "SELECT 'position', NULL, topic, next, partition, NULL, NULL, NULL"
                    " FROM position JOIN unnest({0}::text[], {1}::int[])"
                    " AS asked (topic, partition) USING (topic, partition)"),
    "timer": (2, "SELECT 'timer', id, name, NULL, NULL, NULL, NULL, due_at FROM timer"
                 " JOIN unnest({0}::text[], {1}::uuid[]) AS asked (name, id) USING (name, id)"),
    "waiting": (1, "SELECT 'waiting', subject, source, version, NULL, NULL, NULL, due_at FROM timer"
                   " WHERE subject = ANY({0}::uuid[])"),
}  # fmt: skip
_PARTS = (slice(64), slice(64, 96), slice(96, None))
"""Of the body of a request: its two digests, in hex, and its answer."""


@lru_cache(maxsize=500)
def _reading(names: tuple[str, ...]) -> str:
    selects, n = [_HEAD], 1
    for name in names:
        count, select = _SELECTS.get(name) or (
            2,
            f"SELECT '{name}', id, CASE WHEN changed_at > {{1}}::timestamptz THEN 'newer' END,"
            f" version, shape, key, state::text, NULL FROM {name} WHERE id = ANY({{0}}::uuid[])",
        )
        selects.append(select.format(*(f"${n + i}" for i in range(count))))
        n += count
    return " UNION ALL ".join(selects)


def _sort(rows: Iterable[asyncpg.Record], asked: Asked) -> Loaded:
    head, *rest = rows
    loaded = Loaded(head["moment"], head["number"])
    for row in rest:
        match row["name"]:
            case "inbox":
                loaded.inbox[Message(row["id"], row["note"])] = row["key"]
            case "request":
                digest, scope, answer = (row["body"][part] for part in _PARTS)
                first = FirstAnswer(digest, scope, row["number"], json.loads(answer))
                loaded.requests[row["note"], row["key"]] = first
            case "told":
                loaded.told.setdefault(row["key"], []).append((row["note"], row["body"]))
            case "position":
                loaded.positions[row["note"], row["shape"]] = row["number"]
            case "timer":
                loaded.fired.add(Fired(row["note"], row["id"], row["moment"]))
            case "waiting":
                told = (row["note"], row["id"])
                loaded.waiting.setdefault(told, {})[row["number"]] = row["moment"]
            case name if not _is_old(row, asked):
                decider = asked.streams[name, row["id"]]
                state = decider.state.validate_json(row["body"])
                version = row["number"]
                stream = Stream(decider, row["id"], state, version, version, row["key"])
                loaded.streams[name, row["id"]] = stream
                loaded.is_newer |= row["note"] is not None
    for address, decider in asked.streams.items():
        if address not in loaded.streams:
            id = address[1]
            loaded.streams[address] = Stream(decider, id, decider.blank(id), 0, 0, None)
    return loaded


def _is_old(row: asyncpg.Record, asked: Asked) -> bool:
    decider = asked.streams.get((row["name"], row["id"]))
    return decider is not None and row["shape"] != decider.shape


async def _fold_anew(
    connection: Connection, old: Sequence[asyncpg.Record], asked: Asked, loaded: Loaded
) -> None:
    for row in old:
        address = (row["name"], row["id"])
        decider = asked.streams[address]
        state = await fold(connection, decider, row["id"], row["number"])
        loaded.streams[address] = Stream(
            decider, row["id"], state, row["number"], row["number"], row["key"]
        )


def folded(decider: AnyDecider, id: UUID, rows: Iterable[Mapping[str, Any]]) -> Any:
    """The state after these rows of `event`, in their order; sealed fields are absent. What a newer
    version of the service wrote beside them tells this one nothing."""
    types = {event.type: event for event in decider.events}
    known = (row for row in rows if row["type"] in types)
    events = (types[row["type"]].model_validate_json(row["data"]) for row in known)
    return reduce(decider.evolve, events, decider.blank(id))


async def fold(connection: Connection, decider: AnyDecider, id: UUID, version: int) -> Any:
    """The state as its events tell it, up to a version."""
    rows = await connection.fetch(
        "SELECT type, data FROM event WHERE stream_id = $1 AND aggregate = $2 AND version <= $3"
        " ORDER BY version",
        *(id, decider.name, version),
    )
    return folded(decider, id, rows)


EVENT = insert(
    "event",
    {
        "aggregate": "text",
        "stream_id": "uuid",
        "version": "int",
        "event_id": "uuid",
        "topic": "text",
        "type": "text",
        "key": "text",
        "data": "json",
        "sealed": "json",
        "actor": "text",
        "correlation_id": "text",
        "causation_id": "uuid",
        "causation_source": "text",
        "traceparent": "text",
        "exercise": "boolean",
        "recorded_at": "timestamptz",
    },
)
INBOX = insert(
    "inbox",
    {"message_id": "uuid", "source": "text", "outcome": "text", "handled_at": "timestamptz"},
    "ON CONFLICT (message_id, source) DO UPDATE SET outcome = EXCLUDED.outcome,"
    " handled_at = EXCLUDED.handled_at WHERE inbox.outcome <> 'applied'",
    mismatch=CONFLICT,
)
REQUEST = insert(
    "request",
    {
        "source": "text",
        "key": "text",
        "digest": "bytea",
        "scope": "bytea",
        "status": "int",
        "answer": "json",
        "handled_at": "timestamptz",
    },
    "ON CONFLICT (source, key) DO NOTHING",
    mismatch=CONFLICT,
)
POSITION = insert(
    "position",
    {
        "topic": "text",
        "partition": "int",
        "previous": "bigint",
        "next": "bigint",
        "last_id": "text",
    },
    "ON CONFLICT (topic, partition) DO UPDATE SET previous = EXCLUDED.previous,"
    " next = EXCLUDED.next, last_id = EXCLUDED.last_id WHERE position.next = EXCLUDED.previous",
    mismatch=FENCED,
)


@lru_cache(maxsize=100)
def state_part(decider: AnyDecider) -> Part:
    return insert(
        decider.name,
        {
            "id": "uuid",
            "previous": "int",
            "version": "int",
            "shape": "int",
            "key": "text",
            "state": "jsonb",
            "changed_at": "timestamptz",
        },
        "ON CONFLICT (id) DO UPDATE SET previous = EXCLUDED.previous, version = EXCLUDED.version,"
        " shape = EXCLUDED.shape, state = EXCLUDED.state, changed_at = EXCLUDED.changed_at"
        f" WHERE {decider.name}.version = EXCLUDED.previous",
        mismatch=CONFLICT,
    )


def state_rows(streams: Iterable[Stream], now: datetime) -> list[tuple[Any, ...]]:
    return [
        (
            *(one.id, one.stored, one.version, one.decider.shape, one.key),
            *(one.decider.state.serializer.to_json(one.state).decode(), now),
        )
        for one in sorted(streams, key=lambda stream: stream.id.bytes)
    ]


def party_of(record: UUID, party: str) -> UUID:
    """How a party of a record is known where it is sealed or erased, and nowhere else."""
    return derived(record, party)


class Appended(NamedTuple):
    """An event that is about to be stored. `data` is its published part, as JSON."""

    aggregate: str
    envelope: Envelope
    topic: str
    data: str

    def seals(self) -> Mapping[UUID, set[str]]:
        """Whose key seals which fields: those of a party of its own a key of its own."""
        event = self.envelope.event
        found: dict[UUID, set[str]] = {}
        for name in event.sealed:
            if getattr(event, name) is not None:
                party = event.parties.get(name)
                subject = party_of(self.envelope.subject, party) if party else self.envelope.subject
                found.setdefault(subject, set()).add(name)
        return found


class EventRow(NamedTuple):
    """A row of `event`, as `EVENT` inserts it."""

    aggregate: str
    stream_id: UUID
    version: int
    event_id: UUID
    topic: str
    type: str
    key: str
    data: str
    sealed: str | None
    actor: str
    correlation_id: str
    causation_id: UUID
    causation_source: str
    traceparent: str | None
    exercise: bool
    recorded_at: datetime


def event_row(one: Appended, sealed: str | None) -> EventRow:
    envelope, cause = one.envelope, one.envelope.cause
    return EventRow(
        one.aggregate,
        envelope.subject,
        envelope.version,
        envelope.id,
        one.topic,
        envelope.event.type,
        envelope.key,
        one.data,
        sealed,
        cause.actor,
        cause.correlation_id,
        cause.id,
        cause.source,
        cause.traceparent,
        cause.exercise,
        envelope.time,
    )
