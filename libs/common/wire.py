"""CloudEvents 1.0 over Kafka, binary mode: attributes in `ce_*` headers, JSON in the value."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from libs.common.ids import FORM, named, parsed
from libs.common.journal import EventRow
from libs.common.messages import Cause, Envelope, Event
from libs.common.work import Recorded

Headers = list[tuple[str, bytes]]

TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
"""Of W3C Trace Context; its group is the id of the trace."""
_ID = re.compile(FORM.encode())
_FORMS = {
    "ce_correlationid": re.compile(rf"[0-9a-f]{{32}}|{FORM}"),
    "traceparent": TRACEPARENT,
    "ce_exercise": re.compile("true"),
}
"""What is taken over of an outside source's headers, and goes on in those of what follows."""
LONGEST = 1000
"""Characters of an attribute: those that tell the cause go on in the headers of what follows, and
must leave room for it within the broker's limit."""


class Unreadable(Exception):
    """This record is no event that we can read. `stage` is where it failed, `reason` a code, after
    what it is about where that is known; never what was there."""

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(reason)
        self.stage, self.reason = stage, reason


@lru_cache(maxsize=1000)
def source_of(topic: str) -> str:
    """`civicgrid.leads` is written by `/civicgrid/leads`, and by nobody else."""
    return "/" + topic.replace(".", "/")


def attributes(row: EventRow, source: bytes) -> Headers:
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(row.event_id).encode()),
        ("ce_type", row.type.encode()),
        ("ce_source", source),
        ("ce_subject", str(row.stream_id).encode()),
        ("ce_partitionkey", row.key.encode()),
        ("ce_time", _written(row.recorded_at)),
        ("ce_aggregateversion", str(row.version).encode()),
        ("ce_correlationid", row.correlation_id.encode()),
        ("ce_causationid", str(row.causation_id).encode()),
        ("ce_causationsource", row.causation_source.encode()),
        ("ce_actorref", row.actor.encode()),
        ("content-type", b"application/json"),
    ]
    if row.traceparent:
        headers.append(("traceparent", row.traceparent.encode()))
    if row.exercise:
        headers.append(("ce_exercise", b"true"))
    return headers


@lru_cache(maxsize=100)
def _written(moment: datetime) -> bytes:
    """Events of a batch have the same."""
    return moment.isoformat().encode()


def identity(record: Recorded) -> str:
    """What tells this record from others of its partition: its `ce_id`, if that is one of ours,
    else its digest: an outside source may call it what it likes."""
    for name, value in record.headers:
        if name == "ce_id" and value and _ID.fullmatch(value):
            return str(value.decode())
    return str(digest(record))


def digest(record: Recorded) -> UUID:
    """Of all that it holds: the same for the same record, wherever it stands."""
    parts = [record.topic.encode(), record.key or b"", record.value or b""]
    parts += [part for name, value in record.headers for part in (name.encode(), value or b"")]
    hash = hashlib.blake2b(digest_size=16)
    for part in parts:
        hash.update(len(part).to_bytes(8, "big") + part)
    return named(hash.hexdigest())


def read(record: Recorded, types: Mapping[str, type[Event]], *, intake: bool) -> Envelope | None:
    """The event in this record; None where its type is none of `types`. Raises Unreadable.

    `intake`: written by an outside source, which names its items as it likes; inside, the topic
    has one owner, ids are UUIDs, and the version of the aggregate is told.
    """
    headers = _headers(record)
    kind = _required(headers, "ce_type")
    _required(headers, "ce_id")
    source = _required(headers, "ce_source")
    if headers.get("ce_specversion") != "1.0":
        raise Unreadable("headers", "ce_specversion: not_1_0")
    if not intake and source != source_of(record.topic):
        raise Unreadable("owner", "ce_source: not_its_topic")
    if kind not in types:
        if intake:
            raise Unreadable("type", "unknown_type")
        return None
    if record.value is None:
        raise Unreadable("value", "value: missing")
    if len(record.value) > types[kind].max_bytes:
        raise Unreadable("value", "value: too_large")
    event = _event(types[kind], record.value)
    return _inside(record, headers, event) if not intake else _outside(record, headers, event)


def _headers(record: Recorded) -> dict[str, str]:
    try:
        headers = {name: (value or b"").decode() for name, value in record.headers}
    except UnicodeDecodeError as error:
        raise Unreadable("headers", "headers: not_utf_8") from error
    if len(headers) < len(record.headers):
        _check_once([name for name, _ in record.headers])
    together = "".join(headers.values())
    if "\0" in together:
        raise Unreadable("headers", "headers: nul")
    if len(together) > LONGEST:
        _check_length(headers)
    return headers


def _check_once(names: Sequence[str]) -> None:
    for name in names:
        if name.startswith("ce_") and names.count(name) > 1:
            raise Unreadable("headers", "headers: twice")


def _check_length(headers: Mapping[str, str]) -> None:
    for name, text in headers.items():
        if len(text) > LONGEST and name.startswith(("ce_", "traceparent")):
            raise Unreadable("headers", "headers: too_long")


def _required(headers: Mapping[str, str], name: str) -> str:
    if not headers.get(name):
        raise Unreadable("headers", f"{name}: missing")
    return headers[name]


def _event(model: type[Event], value: bytes) -> Event:
    if b"\\u0000" in value:
        raise Unreadable("value", "value: nul")
    try:
        return model.model_validate_json(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        stage = "json" if first["type"] == "json_invalid" else "schema"
        raise Unreadable(stage, f"{_path(first)}: {first['type']}") from error


def _path(fault: ErrorDetails) -> str:
    """A JSON Pointer; of a field that is unknown, what it stands in: its name may say anything."""
    where = fault["loc"][:-1] if fault["type"] == "extra_forbidden" else fault["loc"]
    return "/" + "/".join(map(str, where))


def _inside(record: Recorded, headers: Mapping[str, str], event: Event) -> Envelope:
    try:
        id, subject = parsed(headers["ce_id"]), parsed(_required(headers, "ce_subject"))
        version = int(_required(headers, "ce_aggregateversion"))
        time = datetime.fromisoformat(_required(headers, "ce_time"))
        causation = parsed(headers["ce_causationid"]) if "ce_causationid" in headers else id
    except ValueError as error:
        raise Unreadable("headers", "headers: not_parsable") from error
    if version < 1 or version > 2**31 - 1 or time.tzinfo is None:
        raise Unreadable("headers", "headers: out_of_range")
    source = headers["ce_source"]
    cause = _cause(headers, id, source, causation)
    return Envelope(event, id, source, subject, version, _key(record), time, cause)


def _outside(record: Recorded, headers: Mapping[str, str], event: Event) -> Envelope:
    source = source_of(record.topic)
    id = named(f"{source}/{headers['ce_id']}")
    try:
        time = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Unreadable("headers", "timestamp: out_of_range") from error
    told = {
        name: headers[name]
        for name, form in _FORMS.items()
        if form.fullmatch(headers.get(name, ""))
    }
    cause = _cause({"ce_actorref": source, **told}, id, source, id)
    return Envelope(event, id, source, id, 1, _key(record), time, cause)


def _key(record: Recorded) -> str:
    return str((record.key or b"").decode("utf-8", "replace"))


def _cause(headers: Mapping[str, str], id: UUID, source: str, causation: UUID) -> Cause:
    return Cause(
        actor=headers.get("ce_actorref", "system"),
        correlation_id=headers.get("ce_correlationid", str(causation))[:200],
        id=id,
        source=source,
        traceparent=headers.get("traceparent"),
        exercise=headers.get("ce_exercise") == "true",
    )
