"""The working calendar of one year; a later version never moves a deadline already set (R30)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.contracts.registry import Shift, WorkCalendarPublished
from libs.common.messages import Decider, Refused


@dataclass(frozen=True, slots=True)
class Times:
    """Shifts in the zone's local time, and the days that are no plain weekdays."""

    year: int
    zone: str
    shifts: tuple[Shift, ...]
    holidays: tuple[date, ...]
    workdays: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    calendar_id: UUID
    times: Times | None = None


@dataclass(frozen=True, slots=True)
class PublishCalendar:
    times: Times


def decide(calendar: WorkCalendar, command: PublishCalendar) -> list[WorkCalendarPublished]:
    times = _checked(command.times)
    if calendar.times == times:
        return []
    fields = {name: getattr(times, name) for name in Times.__slots__}
    return [WorkCalendarPublished(calendar_id=calendar.calendar_id, **fields)]


def _checked(times: Times) -> Times:
    """In order; refused where it says two things at once."""
    shifts = tuple(sorted(times.shifts, key=lambda shift: shift.begin))
    if not shifts or any(shift.end <= shift.begin for shift in shifts):
        raise Refused("empty_shift", status=422, path="/shifts")
    if any(after.begin < before.end for before, after in pairwise(shifts)):
        raise Refused("overlapping_shifts", status=422, path="/shifts")
    if both := sorted(set(times.holidays) & set(times.workdays)):
        raise Refused("holiday_and_workday", status=422, path="/workdays", day=both[0])
    if wrong := [day for day in (*times.holidays, *times.workdays) if day.year != times.year]:
        raise Refused("day_of_another_year", status=422, path="/holidays", day=wrong[0])
    holidays, workdays = sorted(set(times.holidays)), sorted(set(times.workdays))
    return replace(times, shifts=shifts, holidays=tuple(holidays), workdays=tuple(workdays))


def evolve(calendar: WorkCalendar, event: WorkCalendarPublished) -> WorkCalendar:
    fields = {name: getattr(event, name) for name in Times.__slots__}
    return replace(calendar, times=Times(**fields))


WORK_CALENDAR = Decider(
    name="work_calendar",
    blank=WorkCalendar,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(WorkCalendar),
    events=(WorkCalendarPublished,),
)
