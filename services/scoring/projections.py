"""What was counted, and the journal of all that was applied, from which it can be counted again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from libs.city import COPIES
from libs.common.contracts import alerts, leads, mediation
from libs.common.messages import Envelope, Event
from libs.common.projections import Counter, Log, Projection
from services.scoring.domain.scheme import Indicator, Scheme
from services.scoring.schemes import LIVE

COUNTED: tuple[type[Event], ...] = (
    leads.LeadCaptured,
    leads.LeadRouted,
    leads.LeadSigned,
    leads.LeadReturned,
    leads.LeadReworkOrdered,
    leads.LeadVerified,
    leads.LeadClosed,
    alerts.AlertRaised,
    alerts.AlertAcknowledged,
    mediation.CaseAgreed,
    mediation.CaseFailed,
)
EVENTS: Mapping[str, type[Event]] = {event.type: event for event in COUNTED}

NOWHERE = ""
"""The subject of what has no place: it counts for the city alone."""


def tallies(event: Event) -> Iterable[tuple[str, int, str, str, int, int]]:
    """(scheme, version, subject, indicator, numerator, denominator) to add for this event."""
    for scheme, indicators in _moved_by(event.type):
        subject = _subject(scheme, event)
        if subject is None:
            continue
        for one in indicators:
            assert one.numerator and one.denominator
            numerator, denominator = one.numerator.counts(event), one.denominator.counts(event)
            if numerator or denominator:
                place = (scheme.id, scheme.version, subject, one.code)
                yield (*place, int(numerator), int(denominator))


@cache
def _moved_by(type: str) -> Sequence[tuple[Scheme, Sequence[Indicator]]]:
    found = ((one, [each for each in one.indicators if type in each.events]) for one in LIVE)
    return [(scheme, indicators) for scheme, indicators in found if indicators]


def _subject(scheme: Scheme, event: Any) -> str | None:
    """The smallest area known to hold it, or the office whose work it is; None for no office."""
    if scheme.dimension == "area":
        return event.cell or event.community or NOWHERE
    if isinstance(event, leads.LeadReturned):
        return event.returning_unit
    return getattr(event, "unit", None) or getattr(event, "centre", None)


def _tally(event: Event, envelope: Envelope) -> Iterable[Sequence[Any]]:
    """What happens in an exercise is not counted (row A28)."""
    return () if envelope.cause.exercise else tallies(event)


def _applied(event: Event, envelope: Envelope) -> Iterable[Sequence[Any]]:
    if not envelope.cause.exercise:
        data = event.model_dump_json()
        yield envelope.id, event.type, data, envelope.time, envelope.cause.correlation_id


TALLY = Counter(
    "tally",
    key=("scheme", "version", "subject", "indicator"),
    columns={
        "scheme": "text",
        "version": "int",
        "subject": "text",
        "indicator": "text",
        "numerator": "bigint",
        "denominator": "bigint",
    },
    on=dict.fromkeys(COUNTED, _tally),
)
APPLIED = Log(
    "applied",
    key=("event_id",),
    columns={
        "event_id": "uuid",
        "type": "text",
        "data": "json",
        "occurred_at": "timestamptz",
        "correlation_id": "text",
    },
    on=dict.fromkeys(COUNTED, _applied),
)

PROJECTIONS: tuple[Projection, ...] = (*COPIES, TALLY, APPLIED)

_named = {type for scheme in LIVE for one in scheme.indicators for type in one.events}
if _named - EVENTS.keys():
    raise ValueError(f"schemes name events that are not read: {sorted(_named - EVENTS.keys())}")
