"""What leads of a campaign are made of."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

DISPUTES = ("neighbour_quarrel", "wage_dispute")
TYPES = (*DISPUTES, "theft", "gas_bottle", "fire_risk", "street_light", "refuse", "other")
LEAD_FIELDS = [
    *("lead_type", "cell", "urgency", "source", "source_number"),
    *("captured_by", "channel", "imported"),
]
"""Fields of `lead.captured.v1` whose values must be those that were sent."""


def new_id() -> str:
    """A UUID of version 7, as a phone would make one (RFC 9562)."""
    bits = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10), "big")
    bits = bits & ~(0xF << 76) | 0x7 << 76
    return str(UUID(int=bits & ~(0b11 << 62) | 0b10 << 62))


@dataclass(frozen=True)
class Lead:
    """`source`: `app`, or the name of an outside source, where the id is its number there. `by`:
    who captures it, None where a source does."""

    id: str
    lead_type: str
    cell: str
    source: str
    urgency: str
    by: str | None

    @property
    def is_dispute(self) -> bool:
        return self.lead_type in DISPUTES

    @property
    def number(self) -> str | None:
        return None if self.source == "app" else f"n-{self.id}"

    @property
    def body(self) -> dict[str, Any]:
        told = {"id": self.id, "lead_type": self.lead_type, "cell": self.cell}
        return told | {"urgency": self.urgency}

    @property
    def other(self) -> dict[str, Any]:
        """A body that must not be taken under the same key."""
        return self.body | {"urgency": "critical"}

    @property
    def stored(self) -> dict[str, Any]:
        told: dict[str, Any] = {"lead_type": self.lead_type, "cell": self.cell}
        told |= {"urgency": self.urgency}
        told |= {"source": self.source, "source_number": self.number, "captured_by": self.by}
        return told | {"channel": "intake" if self.number else "app", "imported": False}
