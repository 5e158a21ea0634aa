"""A receipt for each person told, and its signature: one row per person and alert, for ever."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from libs.city import COPIES
from libs.common.contracts.alerts import AlertAcknowledged, AlertEscalated, AlertRaised
from libs.common.messages import Envelope
from libs.common.projections import Log, Projection

Rows = Iterable[Sequence[Any]]


def _told(event: AlertRaised | AlertEscalated, envelope: Envelope) -> Rows:
    for person in event.recipients:
        yield person, event.alert_id, event.level, envelope.time


def _signed(event: AlertAcknowledged, envelope: Envelope) -> Rows:
    yield event.alert_id, event.by, event.at


RECEIPT = Log(
    "receipt",
    key=("person_ref", "alert_id"),
    columns={
        "person_ref": "uuid",
        "alert_id": "uuid",
        "level": "int",
        "told_at": "timestamptz",
    },
    on={AlertRaised: _told, AlertEscalated: _told},
)
SIGNATURE = Log(
    "signature",
    key=("alert_id", "person_ref"),
    columns={"alert_id": "uuid", "person_ref": "uuid", "signed_at": "timestamptz"},
    on={AlertAcknowledged: _signed},
)

PROJECTIONS: tuple[Projection, ...] = (*COPIES, RECEIPT, SIGNATURE)
