"""Records as they come: what cannot be read is said to be so, and stops nobody."""

from __future__ import annotations

import pytest

from libs.common import wire
from libs.common.contracts.leads import IncidentReported
from libs.common.receiving import Receiver
from libs.common.work import Letter

HEADERS = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"17"),
    ("ce_type", IncidentReported.type.encode()),
    ("ce_source", b"/bureau"),
]
BODY = b'{"source_number":"17","lead_type":"theft","reported_at":"2026-11-20T08:00:00Z"}'
TYPES = {IncidentReported.type: IncidentReported}


@pytest.mark.parametrize("timestamp", [-(10**15), -(2**62), 2**62])
def test_a_source_may_date_its_records_as_it_likes(timestamp: int) -> None:
    """The broker takes what is long past."""
    letter = Letter("civicgrid.intake.bureau", 0, 0, timestamp, b"17", HEADERS, BODY)
    with pytest.raises(wire.Unreadable, match="timestamp: out_of_range"):
        wire.read(letter, TYPES, intake=True)


def test_what_reading_did_not_foresee_is_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object, **__: object) -> None:
        raise ZeroDivisionError("not foreseen")

    monkeypatch.setattr(wire, "read", crash)
    letter = Letter("civicgrid.leads", 0, 0, 0, b"17", HEADERS, BODY)
    work = Receiver("/test", TYPES, {}, {}, None).read(letter)
    assert work and work.dead
    assert work.dead.stage == "handler"
    assert work.dead.reason.startswith("ZeroDivisionError at")
