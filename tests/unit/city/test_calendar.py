from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from libs.city.calendar import Deadline, TimeUnit, due
from libs.common.contracts.registry import WorkCalendarPublished
from tests.unit.city.cities import calendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
THURSDAY = datetime(2026, 4, 30, 16, tzinfo=SHANGHAI)
SATURDAY = datetime(2026, 4, 25, 10, tzinfo=SHANGHAI)


def published(*years: int) -> Callable[[int], WorkCalendarPublished | None]:
    known = {year: calendar(year) for year in years}
    return known.get


@pytest.mark.parametrize(
    ("received", "amount", "unit", "expected"),
    [
        (THURSDAY, 3, "working_hour", datetime(2026, 5, 4, 11)),
        (THURSDAY, 3, "emergency_hour", datetime(2026, 4, 30, 19)),
        (THURSDAY, 1, "working_day", datetime(2026, 5, 4, 17)),
        (THURSDAY, 5, "working_day", datetime(2026, 5, 8, 17)),
        (THURSDAY, 1, "emergency_day", datetime(2026, 5, 1, 16)),
        (SATURDAY, 2, "working_hour", datetime(2026, 4, 26, 11)),
    ],
)
def test_a_limit_ends_when_the_worked_cases_say(
    received: datetime, amount: int, unit: TimeUnit, expected: datetime
) -> None:
    # given the calendar of row L5
    # when a limit begins
    deadline = due(received, amount, unit, published(2026))
    # then it ends at the stated local time
    assert deadline == Deadline(expected.replace(tzinfo=SHANGHAI).astimezone(UTC))


def test_working_hours_skip_the_lunch_break() -> None:
    # given a lead received half an hour before lunch
    received = datetime(2026, 4, 29, 11, 30, tzinfo=SHANGHAI)
    # when it has one working hour
    deadline = due(received, 1, "working_hour", published(2026))
    # then the other half is worked after lunch
    assert deadline.at.astimezone(SHANGHAI) == datetime(2026, 4, 29, 13, 30, tzinfo=SHANGHAI)


def test_the_day_of_receipt_is_that_of_the_city_not_of_utc() -> None:
    # given Monday 01:00 in Shanghai, still Sunday in UTC
    received = datetime(2026, 5, 10, 17, tzinfo=UTC)
    # when the limit is one working day
    deadline = due(received, 1, "working_day", published(2026))
    # then it ends on Tuesday
    assert deadline.at.astimezone(SHANGHAI) == datetime(2026, 5, 12, 17, tzinfo=SHANGHAI)


def test_a_year_without_a_calendar_counts_weekdays_and_is_provisional() -> None:
    # given a limit that runs from 2026, which has a calendar, into 2027, which has none
    received = datetime(2026, 12, 31, 10, tzinfo=SHANGHAI)
    # when it is two working days
    deadline = due(received, 2, "working_day", published(2026))
    # then Friday 1 January and Monday 4 January are counted, and it says so
    expected = datetime(2027, 1, 4, 17, tzinfo=SHANGHAI).astimezone(UTC)
    assert deadline == Deadline(expected, provisional=True)


def test_without_any_calendar_there_is_still_an_end() -> None:
    assert due(THURSDAY, 1, "working_hour", published()).provisional


def test_a_limit_of_nothing_or_from_a_time_without_zone_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        due(THURSDAY, 0, "working_hour", published(2026))
    with pytest.raises(ValueError, match="zone"):
        due(THURSDAY.replace(tzinfo=None), 1, "working_hour", published(2026))
