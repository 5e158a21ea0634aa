"""A database restored from a backup, brought to what Kafka still knows of its service.

Everything that was published is read again from the service's own topics: what the journal lacks is
added to it, with the states, projections, timers and inbox rows that belong to it. What never left
the database is gone with it, and so is the sealed content of the events that are added.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from aiokafka import TopicPartition

from libs.common import fetching, journal
from libs.common.changes import Changes, Trial
from libs.common.contracts.audit import TOPIC
from libs.common.draft import Rules
from libs.common.facts import Facts
from libs.common.fetching import Record
from libs.common.journal import Appended, Asked, Connection, Stream
from libs.common.messages import (
    CancelTimer,
    Cause,
    Context,
    Decider,
    Envelope,
    Event,
    SetTimer,
    Wait,
)
from libs.common.service import Service
from libs.common.statement import execute
from libs.common.work import INTAKE, RECEIPTS, Message

CHUNK = 500
TAIL = 20
"""How many records at the end of a partition are looked at for one of this service."""

FOREIGN = """
SELECT greatest(
    (SELECT transaction_id FROM event ORDER BY transaction_id DESC, position DESC LIMIT 1),
    (SELECT transaction_id FROM relay)
) >= pg_snapshot_xmax(pg_current_snapshot())
"""
"""Whether its transaction ids are those of another cluster, which was ahead of this one."""
UNPUBLISHED = """
SELECT coalesce(
    (SELECT min(event.position) - 1 FROM event, relay
     WHERE (event.transaction_id, event.position) > (relay.transaction_id, relay.position)),
    (SELECT max(position) FROM event), 0)
"""
RENUMBER = "UPDATE event SET transaction_id = '3'"
RENUMBER_AUDIT = """
GRANT UPDATE (transaction_id) ON audit TO CURRENT_USER;
UPDATE audit SET transaction_id = CASE
    WHEN (transaction_id, position) > (
        SELECT transaction_id, position FROM audit_seal ORDER BY first DESC LIMIT 1
    ) THEN '4'::xid8 ELSE '3'::xid8 END;
REVOKE UPDATE (transaction_id) ON audit FROM CURRENT_USER;
GRANT UPDATE ON audit_seal TO CURRENT_USER;
UPDATE audit_seal SET transaction_id = '3', position = reached FROM (
    SELECT first, max(greatest(position, (SELECT max(one) FROM unnest(positions) AS one)))
        OVER (ORDER BY first) AS reached FROM audit_seal
) AS of_block WHERE of_block.first = audit_seal.first;
REVOKE UPDATE ON audit_seal FROM CURRENT_USER;
"""
"""No number and no hash is of it. What is sealed comes before what is not."""
MARK = "UPDATE relay SET transaction_id = '3', position = $1"
OTHER = """
SELECT event.stream_id, event.version FROM event
JOIN unnest($1::text[], $2::uuid[], $3::int[], $4::uuid[])
    AS published (aggregate, stream_id, version, event_id) USING (aggregate, stream_id, version)
WHERE event.event_id <> published.event_id LIMIT 1
"""
STORED = "SELECT event_id FROM event WHERE aggregate = $1 AND stream_id = $2 AND version = $3"
"""What was asked of a subject has the id of what it is about, which is an aggregate too."""


class Gap(Exception):
    """Kafka no longer holds the events between the backup and its own, or the journal holds others;
    the text says which."""


@dataclass(frozen=True, slots=True)
class Published:
    """An event of this service as Kafka holds it."""

    decider: Decider[Any, Any, Any]
    envelope: Envelope
    topic: str
    data: str


@dataclass
class Recovered:
    """`unsealed`: aggregates whose sealed content of that time is lost."""

    events: int = 0
    streams: set[UUID] = field(default_factory=set)
    unsealed: set[UUID] = field(default_factory=set)


async def is_behind(service: Service, bootstrap: str, connection: Connection) -> bool:
    """Whether what it published ends with an event that its journal does not have, or the journal
    comes from another cluster."""
    if await connection.fetchval(FOREIGN):
        return True
    newest: dict[TopicPartition, Published] = {}
    topics = [service.topic, TOPIC, *_answering(service)]
    async with aclosing(fetching.everything(bootstrap, topics, last=TAIL)) as records:
        async for tp, record in records:
            if published := _published(service, record):
                newest[tp] = published
    for one in newest.values():
        envelope = one.envelope
        place = (one.decider.name, envelope.subject, envelope.version)
        found = await connection.fetchval(STORED, *place)
        if found != envelope.id:
            return True
    return False


def _answering(service: Service) -> list[str]:
    """Topics on which outside sources are answered."""
    asking = (topic for topic in service.consumes if topic.startswith(INTAKE))
    return [topic.replace(INTAKE, RECEIPTS) for topic in asking]


async def renumber(owner: Connection) -> bool:
    """In a cluster that counts transactions anew, order the journal by position alone; whether that
    was needed. As the owner of the tables, while the service is not running."""
    if not await owner.fetchval(FOREIGN):
        return False
    async with owner.transaction():
        mark = await owner.fetchval(UNPUBLISHED)
        await owner.execute(RENUMBER)
        await owner.execute(RENUMBER_AUDIT)
        await owner.execute(MARK, mark)
    return True


async def recover(
    service: Service, bootstrap: str, topics: Sequence[str], connection: Connection
) -> Recovered:
    """Add what Kafka knows and the journal does not; the service must not be running.

    `topics`: all that this service writes to. Raises Gap. Done again, it finds nothing to do.
    """
    facts = Facts(service.projections, service.facts)
    await facts.reload(connection)
    recovered = Recovered()
    while True:
        before = recovered.events
        early = await _through(service, bootstrap, topics, connection, facts, recovered)
        if early is None:
            return recovered
        if recovered.events == before:
            raise Gap(early)


async def _through(
    service: Service,
    bootstrap: str,
    topics: Sequence[str],
    connection: Connection,
    facts: Facts[Any],
    recovered: Recovered,
) -> str | None:
    """All of Kafka once, and what follows upon the journal is added; what was found to be missing
    before something else. It may come later: what was published again is behind what was not."""
    rules, chunk, early = service.rules(), list[Published](), list[str]()
    async with aclosing(fetching.everything(bootstrap, topics)) as records:
        async for _, record in records:
            if published := _published(service, record):
                chunk.append(published)
            if len(chunk) == CHUNK:
                early += await _add(rules, connection, chunk, facts, recovered)
                chunk, early = [], early[:1]
    early += await _add(rules, connection, chunk, facts, recovered)
    return early[0] if early else None


def _published(service: Service, record: Record) -> Published | None:
    """None for what is not this service's own: somebody else's, or nothing that can be read."""
    try:
        return _read(service, record)
    except (KeyError, ValueError):  # of pydantic too; it only says that it is ours
        return None


def _read(service: Service, record: Record) -> Published | None:
    headers = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}
    if headers.get("ce_source") != service.source or record.value is None:
        return None
    decider = next((d for d in service.aggregates if headers.get("ce_type") in _types(d)), None)
    if decider is None:
        return None
    event = _types(decider)[headers["ce_type"]].model_validate_json(record.value)
    cause = Cause(
        actor=headers["ce_actorref"],
        correlation_id=headers["ce_correlationid"],
        id=UUID(headers["ce_causationid"]),
        source=headers["ce_causationsource"],
        traceparent=headers.get("traceparent"),
        exercise=headers.get("ce_exercise") == "true",
    )
    envelope = Envelope(
        event=event,
        id=UUID(headers["ce_id"]),
        source=service.source,
        subject=UUID(headers["ce_subject"]),
        version=int(headers["ce_aggregateversion"]),
        key=headers["ce_partitionkey"],
        time=datetime.fromisoformat(headers["ce_time"]),
        cause=cause,
    )
    return Published(decider, envelope, record.topic, record.value.decode())


def _types(decider: Decider[Any, Any, Any]) -> dict[str, type[Event]]:
    return {event.type: event for event in decider.events}


async def _add(
    rules: Rules,
    connection: Connection,
    chunk: Sequence[Published],
    facts: Facts[Any],
    recovered: Recovered,
) -> list[str]:
    """What is missing of this chunk, in one transaction; a text for each event that comes too early
    to be added."""
    asked = Asked(streams={(one.decider.name, one.envelope.subject): one.decider for one in chunk})
    asked.messages = [Message(one.envelope.cause.id, one.envelope.cause.source) for one in chunk]
    loaded = await journal.load(connection, asked)
    await _check_known(connection, chunk, loaded)
    context = Context(facts.value, loaded.now, facts.number)
    changes, early = Changes(loaded.now, {}, {}), []
    for one in chunk:
        stream = loaded.streams[one.decider.name, one.envelope.subject]
        if one.envelope.version > stream.version + 1:
            early.append(
                f"{one.decider.name} {stream.id} is at version {stream.version}, and the next that"
                f" Kafka holds is {one.envelope.version}: take a newer backup"
            )
        if one.envelope.version != stream.version + 1:
            continue
        changes.accept(_trial(rules, one, stream, context))
        message = Message(one.envelope.cause.id, one.envelope.cause.source)
        if loaded.inbox.get(message) != "applied" and not one.envelope.event.buries:
            changes.inbox[message] = "applied"  # what is dead is read again, and kept again
        recovered.events += 1
        recovered.streams.add(stream.id)
        if one.envelope.event.sealed:
            recovered.unsealed.add(stream.id)
    batch = changes.batch(changes.event_rows({}), {})
    if any(rows for _, rows in batch):
        await execute(connection, batch, facts=changes.has_facts)
    if changes.has_facts:
        await facts.reload(connection)
    return early


async def _check_known(
    connection: Connection, chunk: Sequence[Published], loaded: journal.Loaded
) -> None:
    """Raises Gap where the journal has another event than the one that was published."""
    known = [
        (one.decider.name, one.envelope.subject, one.envelope.version, one.envelope.id)
        for one in chunk
        if one.envelope.version <= loaded.streams[one.decider.name, one.envelope.subject].version
    ]
    if known and (other := await connection.fetchrow(OTHER, *zip(*known, strict=True))):
        raise Gap(
            f"{other['stream_id']} was written to after it was restored: its version"
            f" {other['version']} is not the one that was published: restore the backup again"
        )


def _trial(rules: Rules, one: Published, stream: Stream, context: Context[Any]) -> Trial:
    """The event, and what its own service made of it; further events come by themselves."""
    envelope = one.envelope
    stream.state = stream.decider.evolve(stream.state, envelope.event)
    stream.version, stream.key = envelope.version, envelope.key
    trial = Trial(envelope.cause.correlation_id)
    trial.streams[one.decider.name, stream.id] = stream
    trial.events.append(Appended(one.decider.name, envelope, one.topic, one.data))
    for projection, rows in rules.projections.get(type(envelope.event), ()):
        trial.rows.append((projection, list(rows(envelope.event, envelope))))
    now = context._replace(now=envelope.time, envelope=envelope)
    for effect in _effects(rules, envelope.event, now):
        match effect:
            case SetTimer() as timer:
                trial.timers[timer.name, timer.id] = timer
            case CancelTimer(name, id):
                trial.timers[name, id] = None
    return trial


def _effects(rules: Rules, event: Event, context: Context[Any]) -> Iterable[Any]:
    policy = rules.policies.get(type(event))
    try:
        return tuple(policy(event, context)) if policy else ()
    except Wait:
        return ()
