"""Time limits in four units, after a city's working calendar (rows L5 and R30)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, assert_never
from uuid import UUID
from zoneinfo import ZoneInfo

from libs.common.contracts.registry import Shift, WorkCalendarPublished

TimeUnit = Literal["emergency_hour", "working_hour", "working_day", "emergency_day"]
Calendars = Callable[[int], WorkCalendarPublished | None]
"""The calendar of a year, None where none was published: `City.calendar`."""

UNPUBLISHED = WorkCalendarPublished(
    calendar_id=UUID(int=0),
    year=1,
    zone="Asia/Shanghai",
    shifts=(Shift(begin=time(9), end=time(12)), Shift(begin=time(13), end=time(17))),
    holidays=(),
    workdays=(),
)
"""What holds until a city has published any calendar: its weekdays are working days."""

_YEARS_BACK = 5


@dataclass(frozen=True, slots=True)
class Deadline:
    """`provisional`: a year on the way had no calendar, so plain weekdays were counted."""

    at: datetime
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class _Day:
    shifts: tuple[tuple[datetime, datetime], ...]
    provisional: bool


def day_of(at: datetime, calendars: Calendars) -> date:
    """The city's day at an instant."""
    zone = (calendars(at.year) or UNPUBLISHED).zone
    return at.astimezone(ZoneInfo(zone)).date()


def due(received: datetime, amount: int, unit: TimeUnit, calendars: Calendars) -> Deadline:
    """The end of a limit of `amount` units that began at `received` (aware). The answer is in UTC.

    ValueError if `amount` is below 1 or `received` has no zone.
    """
    if amount < 1 or received.tzinfo is None:
        raise ValueError("a limit is at least one unit, from a time with a zone")
    received = received.astimezone(UTC)
    match unit:
        case "emergency_hour":
            return Deadline(received + timedelta(hours=amount))
        case "emergency_day":
            return Deadline(received + timedelta(days=amount))
        case "working_hour":
            return _after_hours(received, timedelta(hours=amount), calendars)
        case "working_day":
            return _after_days(received, amount, calendars)
        case _:
            assert_never(unit)


def _after_hours(received: datetime, left: timedelta, calendars: Calendars) -> Deadline:
    provisional = False
    for day in _days(received, calendars):
        provisional = provisional or day.provisional
        for begin, end in day.shifts:
            worked = max(end - max(begin, received), timedelta())
            if worked >= left:
                return Deadline(max(begin, received) + left, provisional)
            left -= worked
    raise ValueError("the calendar has no working time")


def _after_days(received: datetime, amount: int, calendars: Calendars) -> Deadline:
    days = _days(received, calendars)
    provisional = next(days).provisional
    for day in days:
        provisional = provisional or day.provisional
        amount -= bool(day.shifts)
        if amount == 0:
            return Deadline(day.shifts[-1][1], provisional)
    raise ValueError("the calendar has no working time")


def _days(received: datetime, calendars: Calendars) -> Iterator[_Day]:
    """The day of receipt, in the city's own time, and those that follow."""
    first = _of_year(received.year, calendars)[0]
    today = received.astimezone(ZoneInfo(first.zone)).date()
    passed = today.timetuple().tm_yday - 1
    for year in range(today.year, date.max.year):
        yield from _year(year, *_of_year(year, calendars))[passed:]
        passed = 0


@lru_cache(maxsize=100)
def _year(year: int, calendar: WorkCalendarPublished, provisional: bool) -> Sequence[_Day]:
    """All of its days."""
    days = (date(year + 1, 1, 1) - date(year, 1, 1)).days
    dates = (date(year, 1, 1) + timedelta(days=n) for n in range(days))
    return tuple(_Day(_shifts(day, calendar), provisional) for day in dates)


def _of_year(year: int, calendars: Calendars) -> tuple[WorkCalendarPublished, bool]:
    """For a year without a calendar: the shifts of the last one before it, and that they are so."""
    if found := calendars(year):
        return found, False
    earlier = (calendars(year - back) for back in range(1, _YEARS_BACK + 1))
    return next((one for one in earlier if one), UNPUBLISHED), True


def _shifts(day: date, calendar: WorkCalendarPublished) -> tuple[tuple[datetime, datetime], ...]:
    if not _works(day, calendar):
        return ()
    zone = ZoneInfo(calendar.zone)
    return tuple((_utc(day, one.begin, zone), _utc(day, one.end, zone)) for one in calendar.shifts)


def _works(day: date, calendar: WorkCalendarPublished) -> bool:
    if day in calendar.workdays:
        return True
    return day.weekday() < 5 and day not in calendar.holidays


def _utc(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)
