"""Any city's old requests out of a CSV file, row by row. Nothing is sent from here."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from services.leads.mapping import Mapping as Plan
from services.leads.mapping import filled

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Read:
    """A row of the file: the body for POST /leads/import, or the reason why there is none.

    `line`: 1 is the first row after the header.
    """

    line: int
    number: str | None
    body: dict[str, Any] | None = None
    reason: str | None = None


def read_leads(path: Path, plan: Plan) -> Iterator[Read]:
    """Raises OSError, UnicodeDecodeError, csv.Error; KeyError for a column that is not there."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        _check_columns(plan, rows.fieldnames or ())
        for line, row in enumerate(rows, start=1):
            yield _read(line, row, plan)


def _check_columns(plan: Plan, there: Any) -> None:
    empty = dict.fromkeys(there, "")
    for template in (plan.number, plan.area_hint, plan.cell):
        filled(template, empty)
    columns = [plan.lead_type.column, plan.received_at, plan.closed_at]
    columns += [plan.longitude, plan.latitude]
    columns += [part.column for part in (plan.due_at, plan.status) if part]
    for column in columns:
        if column is not None:
            empty[column]


def _read(line: int, row: Row, plan: Plan) -> Read:
    number = filled(plan.number, row)
    if number is None:
        return Read(line, None, reason="no number")
    try:
        return Read(
            line, number, {"source": plan.source, "source_number": number} | _body(row, plan)
        )
    except ValueError as error:
        return Read(line, number, reason=str(error))


def _body(row: Row, plan: Plan) -> dict[str, Any]:
    body = {
        "lead_type": _lead_type(row, plan),
        "received_at": _time(row, plan.received_at, plan),
        "due_at": _due(row, plan),
        "closed_at": _time(row, plan.closed_at, plan) if _status(row, plan) != "open" else None,
        "cancelled": _status(row, plan) == "cancelled",
        "longitude": _number(row, plan.longitude),
        "latitude": _number(row, plan.latitude),
        "cell": filled(plan.cell, row),
        "area_hint": filled(plan.area_hint, row),
    }
    if body["received_at"] is None:
        raise ValueError(f"{plan.received_at}: empty")
    return {name: value for name, value in body.items() if value is not None}


def _lead_type(row: Row, plan: Plan) -> str:
    said = row[plan.lead_type.column] or ""
    found = plan.lead_type.values.get(said.strip(), plan.lead_type.otherwise)
    if found is None:
        raise ValueError(f"{plan.lead_type.column}: no lead type for {said!r}")
    return found


def _status(row: Row, plan: Plan) -> str:
    """Without a column of states, what has a closing time is closed."""
    if plan.status is None:
        return "closed"
    said = (row[plan.status.column] or "").strip()
    if said in plan.status.cancelled:
        return "cancelled"
    return "closed" if said in plan.status.closed else "open"


def _time(row: Row, column: str | None, plan: Plan) -> str | None:
    at = _local(row, column, plan)
    return at.isoformat() if at else None


def _due(row: Row, plan: Plan) -> str | None:
    at = _local(row, plan.due_at.column, plan) if plan.due_at else None
    if at and plan.due_at and plan.due_at.end_of_day:
        at = datetime.combine(at.date(), time.max, at.tzinfo)
    return at.isoformat() if at else None


def _local(row: Row, column: str | None, plan: Plan) -> datetime | None:
    said = (row[column] or "").strip() if column else ""
    if not said:
        return None
    try:
        return datetime.strptime(said, plan.times).replace(tzinfo=ZoneInfo(plan.zone))
    except ValueError:
        raise ValueError(f"{column}: {said!r} is not of the form {plan.times}") from None


def _number(row: Row, column: str | None) -> float | None:
    said = (row[column] or "").strip() if column else ""
    if not said:
        return None
    try:
        return float(said)
    except ValueError:
        raise ValueError(f"{column}: {said!r} is not a number") from None
