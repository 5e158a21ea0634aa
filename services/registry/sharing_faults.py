"""What can be wrong with a batch of the police: all is told at once (rows R14, P3, P15, P19)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from libs.city import City, calendar
from libs.common.messages import Refused
from libs.privacy.register import Register
from services.registry.bodies import SharedBatchBody, SharedEntryBody
from services.registry.policies import POLICE
from services.registry.queries import GRID

MOST = 500
GUARDIAN, ASSESSMENT = "guardian_required", "assessment_required"
REQUIRED = (
    *("source", "document", "basis", "purpose", "category", "area", "expires_at", "issued_by"),
    *("signature", "entries"),
)


class Fault(NamedTuple):
    """`path`: a JSON Pointer; `code`: what is wrong there."""

    path: str
    code: str


class Known(NamedTuple):
    """What a batch is held against. `is_signed`: None where its source is not known."""

    city: City
    register: Register
    now: datetime
    submitter: UUID
    is_signed: bool | None

    @property
    def today(self) -> date:
        return calendar.day_of(self.now, self.city.calendar)


def found(batch: SharedBatchBody, known: Known) -> list[Fault]:
    """None where it may be submitted."""
    missing = [Fault(f"/{name}", "missing") for name in REQUIRED if not getattr(batch, name)]
    return [*missing, *_papers(batch, known), *_purpose(batch, known), *_entries(batch, known)]


def refused(faults: Sequence[Fault]) -> Refused:
    """With all of them; 409 where nothing is missing but who answers for a child (row P19)."""
    errors = [fault._asdict() for fault in faults]
    if {fault.code for fault in faults} == {GUARDIAN}:
        return Refused(GUARDIAN, path=faults[0].path, errors=errors)
    return Refused("batch_refused", status=422, errors=errors)


def _papers(batch: SharedBatchBody, known: Known) -> Iterator[Fault]:
    if batch.source and known.is_signed is None:
        yield Fault("/source", "unknown_source")
    elif batch.signature and known.is_signed is False:
        yield Fault("/signature", "bad_signature")
    if batch.expires_at and batch.expires_at <= known.now:
        yield Fault("/expires_at", "over")
    if batch.expires_at and batch.expires_at > a_year_after(known.now):
        yield Fault("/expires_at", "beyond_limit")
    if batch.issued_by == known.submitter:
        yield Fault("/issued_by", "one_person")
    if batch.issued_by and not _is_police(batch.issued_by, known):
        yield Fault("/issued_by", "unknown_officer")
    if batch.area:
        area = known.city.area(batch.area)
        if area is None or not area.in_force(known.now):
            yield Fault("/area", "unknown_area")
        elif area.level not in GRID:
            yield Fault("/area", "too_wide")


def a_year_after(at: datetime) -> datetime:
    """By the calendar; of 29 February the day before."""
    try:
        return at.replace(year=at.year + 1)
    except ValueError:
        return at.replace(year=at.year + 1, day=28)


def _is_police(person: UUID, known: Known) -> bool:
    return any(seat.role in POLICE for seat in known.city.seats(person, known.now))


def _purpose(batch: SharedBatchBody, known: Known) -> Iterator[Fault]:
    register = known.register
    basis = register.bases.get(batch.basis or "")
    purpose = register.purposes.get(batch.purpose or "")
    if batch.basis and (basis is None or basis.until < known.today):
        yield Fault("/basis", "unknown_basis")
    elif batch.basis and purpose and purpose.basis != batch.basis:
        yield Fault("/basis", "other_basis")
    if batch.purpose and purpose is None:
        yield Fault("/purpose", "unknown_purpose")
    if batch.category is None:
        return
    if batch.category not in register.categories:
        yield Fault("/category", "unknown_category")
        return
    if purpose and batch.purpose != register.categories[batch.category].purpose:
        yield Fault("/purpose", "other_purpose")
    if not is_assessed(batch.category, register, known.today):
        yield Fault("/category", ASSESSMENT)


def is_assessed(category: str, register: Register, today: date) -> bool:
    """Whether what is of this category may be used today (row P15)."""
    known = register.categories.get(category)
    return known is not None and register.is_assessed(known.purpose, today)


def has_basis(category: str, register: Register, today: date) -> bool:
    """Whether there is a legal basis today for what is of this category (row P1)."""
    known = register.categories.get(category)
    return known is not None and register.has_basis(known.purpose, today)


def _entries(batch: SharedBatchBody, known: Known) -> Iterator[Fault]:
    if len(batch.entries) > MOST:
        yield Fault("/entries", "too_long")
        return
    today, seen = known.today, set[Any]()
    for n, entry in enumerate(batch.entries):
        for fault in _entry(entry, batch, known, today):
            yield Fault(f"/entries/{n}/{fault.path}", fault.code)
        identity = entry.identity and entry.identity.casefold()
        if identity in seen:
            yield Fault(f"/entries/{n}/identity", "twice")
        elif entry in seen:
            yield Fault(f"/entries/{n}", "twice")
        seen |= {entry, identity or entry}


def _entry(
    entry: SharedEntryBody, batch: SharedBatchBody, known: Known, today: date
) -> Iterator[Fault]:
    if not entry.name:
        yield Fault("name", "missing")
    if not entry.cell:
        yield Fault("cell", "missing")
    elif (cell := known.city.area(entry.cell)) is None or not cell.in_force(known.now):
        yield Fault("cell", "unknown_area")
    elif batch.area and not known.city.contains(batch.area, entry.cell):
        yield Fault("cell", "outside_area")
    if entry.born and entry.born > today:
        yield Fault("born", "not_yet")
    minors = known.register.minors
    if not minors.has(entry.born, today):
        return
    if batch.expires_at and batch.expires_at > known.now + timedelta(days=minors.review):
        yield Fault("born", "beyond_limit_of_children")
    if not entry.guardian:
        yield Fault("guardian", GUARDIAN)
