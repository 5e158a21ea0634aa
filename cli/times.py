"""Times as they are given to a command, and as it shows them."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

FORM = "such as 2026-11-01T08:00:00+08:00 or ...Z; without an offset, in the zone of this machine"
DAY = (
    "a day, such as 2032-05-31: as it begins in the zone of this machine; or a time with an offset"
)


def moment(told: str) -> datetime:
    """With its offset. Raises BadParameter."""
    try:
        return datetime.fromisoformat(told).astimezone()
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"a time is {FORM}") from None


def shown(at: datetime) -> str:
    """In UTC, as the city answers, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
