"""How long there is for it: time limits reckoned once more, from when it began and what the rules
say (rows L5, R30 and M5).

Written for a city whose rules are those that it comes with.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tests.faults.checker.seen import Row, Seen, moment
from tests.faults.checker.stored import Violation

Limit = tuple[int, str]
"""How many, and of what."""
_DAYS_5, _DAYS_10, _DAYS_20 = (5, "working_day"), (10, "working_day"), (20, "working_day")
CLOSED_WITHIN: Mapping[str, Limit] = {
    **dict.fromkeys(("theft", "suspicious_activity", "household_help", "street_light"), _DAYS_5),
    **dict.fromkeys(("refuse", "graffiti"), _DAYS_5),
    **dict.fromkeys(("fraud", "gambling", "quarry", "other"), _DAYS_10),
    **dict.fromkeys(("neighbour_quarrel", "family_quarrel", "wage_dispute"), _DAYS_20),
    **dict.fromkeys(("gas_bottle", "fire_risk"), (1, "emergency_day")),
    **{"road_hazard": (3, "working_day"), "land_dispute": (30, "working_day")},
}
"""Type of lead -> within what it must be closed."""
SIGNED_WITHIN: Mapping[str, Limit] = {
    **dict.fromkeys(("disputes-to-mediation", "services-to-station"), (1, "working_day")),
    **{"urgent-to-police": (1, "emergency_hour"), "clues-to-police": (4, "working_hour")},
    "by_hand": (1, "working_day"),
}
"""Rule that gave the lead to a unit -> within what this must sign."""
UNPUBLISHED: Row = {
    "zone": "Asia/Shanghai",
    "shifts": [
        {"begin": "09:00:00", "end": "12:00:00"},
        {"begin": "13:00:00", "end": "17:00:00"},
    ],
    **{"holidays": [], "workdays": []},
}
"""The calendar of a city that has published none."""
YEARS_BACK = 5
"""For how many years a calendar holds after its own, where none came after it."""
DAY = timedelta(days=1)


class Calendars:
    """Of the years, as the registry published them."""

    def __init__(self, seen: Seen) -> None:
        published = seen.typed("registry", "work_calendar.published.v1")
        self._years: dict[int, Row] = {data["year"]: data for _, data in published}

    def of(self, year: int) -> Row:
        """A year's own, else the last of the years before it."""
        years = (self._years.get(year - back) for back in range(YEARS_BACK + 1))
        return next((one for one in years if one), UNPUBLISHED)

    def zone(self, at: datetime) -> ZoneInfo:
        return ZoneInfo(self.of(at.year)["zone"])

    def after(self, begin: datetime, limit: Limit) -> datetime:
        """When a limit is over that began then."""
        amount, unit = limit
        match unit:
            case "emergency_hour":
                return begin + timedelta(hours=amount)
            case "emergency_day":
                return begin + amount * DAY
            case "working_day":
                return self._after_days(begin, amount)
        return self._after_hours(begin, timedelta(hours=amount))

    def _after_days(self, begin: datetime, amount: int) -> datetime:
        """The day on which it began does not count."""
        day = begin.astimezone(self.zone(begin)).date()
        while amount:
            day += DAY
            amount -= self._works(day)
        return self._shifts(day)[-1][1]

    def _after_hours(self, begin: datetime, left: timedelta) -> datetime:
        day = begin.astimezone(self.zone(begin)).date()
        while True:
            for opens, closes in self._shifts(day):
                opens = max(opens, begin)
                if closes - opens >= left:
                    return opens + left
                left -= max(closes - opens, timedelta())
            day += DAY

    def _works(self, day: date) -> bool:
        calendar = self.of(day.year)
        is_weekday = day.weekday() < 5 and day.isoformat() not in calendar["holidays"]
        return is_weekday or day.isoformat() in calendar["workdays"]

    def _shifts(self, day: date) -> list[tuple[datetime, datetime]]:
        calendar = self.of(day.year)
        shifts = calendar["shifts"] if self._works(day) else []
        return [(self._at(day, one["begin"]), self._at(day, one["end"])) for one in shifts]

    def _at(self, day: date, text: str) -> datetime:
        zone = ZoneInfo(self.of(day.year)["zone"])
        return datetime.combine(day, time.fromisoformat(text), zone).astimezone(UTC)

    def month_after(self, begin: datetime) -> datetime:
        """24:00 of the same day of the next month, or of its last day."""
        zone = self.zone(begin)
        first = begin.astimezone(zone).date()
        last_of_this = first.replace(day=monthrange(first.year, first.month)[1])
        year, month = (last_of_this + DAY).year, (last_of_this + DAY).month
        day = date(year, month, min(first.day, monthrange(year, month)[1]))
        return datetime.combine(day + DAY, time(), zone).astimezone(UTC)


def closed_within(seen: Seen) -> Iterator[Violation]:
    """I10: a lead must be closed within the limit of its type, since it was received."""
    calendars = Calendars(seen)
    for event, data in seen.typed("leads", "lead.captured.v1"):
        limit = calendars.after(moment(data["received_at"]), CLOSED_WITHIN[data["lead_type"]])
        if data["due_at"] is None or moment(data["due_at"]) != limit:
            yield "I10", f"lead {event['stream_id']} is due at {data['due_at']}, not {limit}"


def signed_within(seen: Seen) -> Iterator[Violation]:
    """I10: a unit must sign within the limit of the rule that gave it the lead, since it did."""
    calendars = Calendars(seen)
    for event, data in seen.typed("leads", "lead.routed.v1", "lead.arbitrated.v1"):
        within = SIGNED_WITHIN.get(data.get("rule", "by_hand"))
        limit = within and calendars.after(moment(event["recorded_at"]), within)
        if limit is None or data["sign_by"] is None or moment(data["sign_by"]) != limit:
            yield "I10", f"lead {event['stream_id']} is to be signed by {data['sign_by']}, {limit}"


def settled_within(seen: Seen) -> Iterator[Violation]:
    """I10: a case must be settled within a month, since it was accepted."""
    calendars = Calendars(seen)
    for event, data in seen.typed("mediation", "mediation_case.accepted.v1"):
        limit = calendars.month_after(moment(data["at"]))
        if moment(data["due_at"]) != limit:
            yield "I10", f"case {event['stream_id']} is due at {data['due_at']}, not {limit}"
