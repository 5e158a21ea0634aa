"""Every way that was thought of in which a record can be no event that anybody can read."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]


def as_it_is(body: Body) -> bytes | None:
    return json.dumps(body).encode()


@dataclass(frozen=True)
class Kind:
    """`headers`: what differs of the good ones; None leaves one out. `twice`: comes a second time.
    `timestamp`: of the record, in milliseconds since 1970. `by_type`: found only by readers that
    act upon this type of event."""

    headers: Mapping[str, bytes | None] = field(default_factory=dict)
    value: Callable[[Body], bytes | None] = as_it_is
    twice: tuple[str, bytes] | None = None
    timestamp: int | None = None
    by_type: bool = True


def _header(**headers: bytes | None) -> Kind:
    return Kind(headers, by_type=False)


def _late_header(**headers: bytes | None) -> Kind:
    """Of headers that are looked at once the type is known."""
    return Kind(headers)


def _raw(value: bytes | None) -> Kind:
    return Kind(value=lambda _: value)


def _made(make: Callable[[bytes], bytes]) -> Kind:
    return Kind(value=lambda body: make(json.dumps(body).encode()))


def _with(**changed: Any) -> Kind:
    return Kind(value=lambda body: json.dumps({**body, **changed}).encode())


def _without(name: str) -> Kind:
    return Kind(value=lambda body: json.dumps({k: body[k] for k in body if k != name}).encode())


ENVELOPES: Mapping[str, Kind] = {
    "no type": _header(ce_type=None),
    "no id": _header(ce_id=None),
    "no source": _header(ce_source=None),
    "no CloudEvents": _header(ce_specversion=None),
    "an older CloudEvents": _header(ce_specversion=b"0.3"),
    "a CloudEvents with a space": _header(ce_specversion=b"1.0 "),
    "an empty id": _header(ce_id=b""),
    "an empty type": _header(ce_type=b""),
    "an empty source": _header(ce_source=b""),
    "a header that is not UTF-8": _header(ce_actorref=b"\xff\xfe"),
    "a header with a NUL": _header(ce_actorref=b"a\0b"),
    "an id that is not UTF-8": _header(ce_id=b"\xc3\x28"),
    "an id with a NUL": _header(ce_id=b"a\0"),
    "a type that is not UTF-8": _header(ce_type=b"\xe2\x28\xa1"),
    "a header of half a surrogate": _header(ce_actorref=b"\xed\xa0\x80"),
    "two ids": Kind(twice=("ce_id", b"other"), by_type=False),
    "two types": Kind(twice=("ce_type", b"lead.closed.v1"), by_type=False),
    "two sources": Kind(twice=("ce_source", b"/civicgrid/other"), by_type=False),
}
"""Wrong on the outside, wherever it comes from."""

VALUES: Mapping[str, Kind] = {
    "no value": _raw(None),
    "an empty value": _raw(b""),
    "a blank": _raw(b"   "),
    "XML": _raw(b"<incident/>"),
    "HTML": _raw(b"<!doctype html><p>502 Bad Gateway"),
    "CSV": _raw(b"number,type\n17,theft\n"),
    "a list": _made(lambda text: b"[" + text + b"]"),
    "a text": _raw(b'"theft"'),
    "a number": _raw(b"17"),
    "null": _raw(b"null"),
    "true": _raw(b"true"),
    "not a number": _raw(b"NaN"),
    "infinity": _raw(b"-Infinity"),
    "an empty object": _raw(b"{}"),
    "half of it": _made(lambda text: text[: len(text) // 2]),
    "all but the last byte": _made(lambda text: text[:-1]),
    "two of them": _made(lambda text: text + text),
    "something after it": _made(lambda text: text + b";"),
    "a comma too many": _made(lambda text: text[:-1] + b",}"),
    "single quotes": _made(lambda text: text.replace(b'"', b"'")),
    "a comment": _made(lambda text: b"/* new */" + text),
    "a byte order mark": _made(lambda text: b"\xef\xbb\xbf" + text),
    "UTF-16": _made(lambda text: text.decode().encode("utf-16")),
    "bytes that are not UTF-8": _made(lambda text: text[:-1] + b',"more":"\xff\xfe"}'),
    "gzip": _made(gzip.compress),
    "base64": _made(base64.b64encode),
    "JSON within JSON": _made(lambda text: json.dumps(text.decode()).encode()),
    "protocol buffers": _raw(b"\x0a\x05theft\x10\x96\x01"),
    "a schema registry's prefix": _made(lambda text: b"\x00\x00\x00\x00\x07" + text),
    "a raw NUL": _made(lambda text: text[:-1] + b',"more":"a\0b"}'),
    "an escaped NUL": _made(lambda text: text[:-1] + b',"more":"a\\u0000b"}'),
    "half a surrogate": _made(lambda text: text[:-1] + b',"more":"\\ud800"}'),
    "ten thousand levels": _made(lambda text: text[:-1] + b',"more":' + b"[" * 10_000 + b"}"),
    "closed ten thousand levels": _made(
        lambda text: text[:-1] + b',"more":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    ),
    "over the limit": _made(lambda text: text[:-1] + b',"more":"' + b"x" * 530_000 + b'"}'),
    "nearly as large as Kafka takes": _made(
        lambda text: text[:-1] + b',"more":"' + b"x" * 900_000 + b'"}'
    ),
}
"""Wrong inside, whatever it should have been."""

INSIDE: Mapping[str, Kind] = {
    "a source that does not own the topic": _header(ce_source=b"/civicgrid/scoring"),
    "a source in capitals": _header(ce_source=b"/CIVICGRID/LEADS"),
    "an id that is no UUID": _late_header(ce_id=b"17"),
    "no subject": _late_header(ce_subject=None),
    "a subject that is no UUID": _late_header(ce_subject=b"lead"),
    "no time": _late_header(ce_time=None),
    "a time that is none": _late_header(ce_time=b"yesterday"),
    "a time without a zone": _late_header(ce_time=b"2026-01-05T08:00:00"),
    "a time in the year 0": _late_header(ce_time=b"0000-01-05T08:00:00+00:00"),
    "a time in the year 10000": _late_header(ce_time=b"10000-01-05T08:00:00+00:00"),
    "a time in month 13": _late_header(ce_time=b"2026-13-05T08:00:00+00:00"),
    "no version": _late_header(ce_aggregateversion=None),
    "version 0": _late_header(ce_aggregateversion=b"0"),
    "a negative version": _late_header(ce_aggregateversion=b"-1"),
    "a version that is too large": _late_header(ce_aggregateversion=b"2147483648"),
    "a version in words": _late_header(ce_aggregateversion=b"one"),
    "a version with a fraction": _late_header(ce_aggregateversion=b"1.5"),
    "a cause that is no UUID": _late_header(ce_causationid=b"because"),
}
"""Wrong on the outside, where a service wrote it."""

OUTSIDE: Mapping[str, Kind] = {
    "a type that nobody knows": _header(ce_type=b"incident.imagined.v1"),
    "a later version of the type": _header(ce_type=b"incident.reported.v2"),
    "a field that nobody knows": _with(reporter_name="x"),
    "no number": _without("source_number"),
    "an empty number": _with(source_number=""),
    "a number that is too long": _with(source_number="9" * 101),
    "a number that is a number": _with(source_number=17),
    "no type of lead": _without("lead_type"),
    "a type of lead that is a list": _with(lead_type=["theft"]),
    "a type of lead that there is not": _with(lead_type="homoglyph_théft"),
    "a cell that there is not": _with(cell="999999"),
    "an urgency that there is not": _with(urgency="very"),
    "no time of report": _without("reported_at"),
    "a time of report without a zone": _with(reported_at="2026-11-20T08:00:00"),
    "a time of report in the year 0": _with(reported_at="0000-11-20T08:00:00Z"),
    "a time of report that is a day": _with(reported_at="20 November"),
    "too far east": _with(longitude=181, latitude=1),
    "too far south": _with(longitude=1, latitude=-90.1),
    "a longitude in words": _with(longitude="east", latitude=1),
    "a negative accuracy": _with(accuracy_m=-1),
    "an accuracy of a province": _with(accuracy_m=10_001),
    "half a sequence": _with(sequence=1.5),
    "a record of a time before all years": Kind(timestamp=-(10**15)),
    "a record of the earliest time there is": Kind(timestamp=-(2**62)),
}
"""Wrong for the one type of event that comes from outside."""


def typed(uuid: str, time: str, choice: str) -> Mapping[str, Kind]:
    """Wrong in fields of these kinds, which the event has."""
    return {
        "a UUID that is none": _with(**{uuid: "17"}),
        "no UUID": _without(uuid),
        "a UUID that is null": _with(**{uuid: None}),
        "a date that there is not": _with(**{time: "2026-02-30T08:00:00Z"}),
        "no date": _without(time),
        "a list of dates": _with(**{time: []}),
        "an object for a choice": _with(**{choice: {"is": "what"}}),
    }
