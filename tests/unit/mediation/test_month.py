from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from services.mediation.domain.month import due_of

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("accepted", "last_day"),
    [
        ("2027-01-31", "2027-02-28"),
        ("2028-01-31", "2028-02-29"),
        ("2027-02-28", "2027-03-28"),
        ("2026-04-30", "2026-05-30"),
        ("2026-03-31", "2026-04-30"),
        ("2026-12-31", "2027-01-31"),
    ],
)
def test_the_month_ends_at_24_00_of_the_same_day_or_the_last(accepted: str, last_day: str) -> None:
    due = due_of(datetime.fromisoformat(f"{accepted}T23:59").replace(tzinfo=ZONE), ZONE)
    assert due.timestamp() - 1 == datetime.fromisoformat(f"{last_day}T23:59:59+08:00").timestamp()
