"""The headers that the documents tell of are those that are written, and those that are read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

import jsonschema_rs
import pytest

from cli.asyncapi import HEADERS, INTAKE_HEADERS
from libs.common import wire
from libs.common.contracts.leads import IncidentReported
from libs.common.ids import uuid7
from libs.common.journal import EventRow
from libs.common.work import Letter
from tests.support.servers import ROOT

TYPES = {IncidentReported.type: IncidentReported}
BODY = {"source_number": "1", "lead_type": "theft", "reported_at": "2026-11-20T08:00:00+08:00"}
LEAST = {
    "ce_specversion": "1.0",
    "ce_id": "one",
    "ce_type": IncidentReported.type,
    "ce_source": "sandbox",
}
STORY = {
    "ce_correlationid": str(UUID(int=5)),
    "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
    "ce_exercise": "true",
}


def sent(headers: dict[str, str]) -> Letter:
    told = tuple((name, value.encode()) for name, value in headers.items())
    return Letter("civicgrid.intake.sandbox", 0, 0, 1, b"1", told, json.dumps(BODY).encode())


def row(exercise: bool, traceparent: str | None) -> EventRow:
    now, id = datetime.now(UTC), uuid7()
    return EventRow(
        event_id=id,
        type="lead.filed.v1",
        stream_id=id,
        key="370782001001",
        recorded_at=now,
        version=3,
        correlation_id=STORY["ce_correlationid"],
        causation_id=id,
        causation_source="/civicgrid/leads",
        actor="system",
        traceparent=traceparent,
        exercise=exercise,
        aggregate="lead",
        topic="civicgrid.leads",
        data="{}",
        sealed=None,
    )


@pytest.mark.parametrize("story", [(False, None), (True, STORY["traceparent"])])
def test_what_is_written_is_what_is_told(story: tuple[bool, str | None]) -> None:
    written = dict(wire.attributes(row(*story), b"/civicgrid/leads"))
    told = {name: value.decode() for name, value in written.items()}
    jsonschema_rs.validate(HEADERS, told)
    optional = set() if story[0] else {"ce_exercise", "traceparent"}
    assert told.keys() == HEADERS["properties"].keys() - optional


def test_what_a_source_must_send_is_what_is_told() -> None:
    for headers in (LEAST, LEAST | STORY):
        jsonschema_rs.validate(INTAKE_HEADERS, headers)
        assert wire.read(sent(headers), TYPES, intake=True)
    assert set(INTAKE_HEADERS["required"]) == LEAST.keys()


@pytest.mark.parametrize("name", LEAST)
def test_without_one_of_them_it_is_rejected(name: str) -> None:
    left = {one: value for one, value in LEAST.items() if one != name}
    assert not jsonschema_rs.is_valid(INTAKE_HEADERS, left)
    with pytest.raises(wire.Unreadable):
        wire.read(sent(left), TYPES, intake=True)


PAGE = (ROOT / "docs" / "integrating.md").read_text(encoding="utf-8")
BAD: tuple[tuple[dict[str, bytes], bytes, str], ...] = (
    ({"ce_type": b""}, b"", "missing"),
    ({"ce_specversion": b"0.3"}, b"", "not_1_0"),
    ({"ce_type": b"unheard.of.v1"}, b"", "unknown_type"),
    ({"ce_source": b"\xff"}, b"", "not_utf_8"),
    ({"ce_source": b"\0"}, b"", "nul"),
    ({"ce_source": b"x" * 1001}, b"", "too_long"),
    ({}, b"x" * 65_537, "too_large"),
    ({}, b"{", "json_invalid"),
    ({}, json.dumps({**BODY, "name": "x"}).encode(), "extra_forbidden"),
    ({}, json.dumps({**BODY, "source_number": "a b"}).encode(), "string_pattern_mismatch"),
    ({}, json.dumps({**BODY, "latitude": 91}).encode(), "less_than_equal"),
    ({}, json.dumps({**BODY, "urgency": "high"}).encode(), "literal_error"),
    ({}, json.dumps({**BODY, "reported_at": "2026-11-20T08:00:00"}).encode(), "timezone_aware"),
)


@pytest.mark.parametrize(("headers", "value", "code"), BAD, ids=[one[2] for one in BAD])
def test_what_is_wrong_is_told_by_a_code_that_the_page_names(
    headers: dict[str, bytes], value: bytes, code: str
) -> None:
    told = {name: text.encode() for name, text in LEAST.items()} | headers
    letter = sent(LEAST)._replace(headers=tuple(told.items()))
    with pytest.raises(wire.Unreadable) as raised:
        wire.read(letter._replace(value=value or letter.value), TYPES, intake=True)
    assert str(raised.value).rpartition(": ")[2] == code
    assert f"`{code}`" in PAGE


def test_a_header_twice_is_told_so() -> None:
    letter = sent(LEAST)
    with pytest.raises(wire.Unreadable, match="twice"):
        wire.read(letter._replace(headers=(*letter.headers, ("ce_id", b"two"))), TYPES, intake=True)
    assert "`twice`" in PAGE


def test_the_page_names_all_headers() -> None:
    assert {name for name in HEADERS["properties"] if f"`{name}`" not in PAGE} == set()


def test_the_story_of_a_source_goes_on_in_the_form_that_is_told() -> None:
    envelope = wire.read(sent(LEAST | STORY), TYPES, intake=True)
    assert envelope
    cause = envelope.cause
    assert (cause.correlation_id, cause.traceparent) == (
        STORY["ce_correlationid"],
        STORY["traceparent"],
    )
    assert cause.exercise
