"""A case is settled within one month of its acceptance (row M5)."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


def due_of(accepted: datetime, zone: ZoneInfo) -> datetime:
    """24:00 of the same day number next month, or of that month's last day; in UTC.

    Holidays do not move it.
    """
    day = accepted.astimezone(zone).date()
    year, month = divmod(day.year * 12 + day.month, 12)
    last = monthrange(year, month + 1)[1]
    due = day.replace(year=year, month=month + 1, day=min(day.day, last))
    return datetime.combine(due + timedelta(days=1), time(), zone).astimezone(UTC)
