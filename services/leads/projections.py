"""Read models of the service's own events: whose a lead near a border might be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from libs.common.contracts.leads import LeadCaptured
from libs.common.messages import Envelope
from libs.common.projections import Log, Projection
from services.leads.facts import FACTS


def _candidates(event: LeadCaptured, envelope: Envelope) -> Iterable[Sequence[Any]]:
    """None of history that ended elsewhere: it is never open here."""
    if event.closed_at or event.cancelled:
        return ()
    return ((event.lead_id, one) for one in event.candidates if one != event.community)


LEAD_CANDIDATE = Log(
    "lead_candidate",
    key=("lead_id", "community"),
    columns={"lead_id": "uuid", "community": "text"},
    on={LeadCaptured: _candidates},
)

PROJECTIONS: tuple[Projection, ...] = (*FACTS, LEAD_CANDIDATE)
