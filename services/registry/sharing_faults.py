"""What can be wrong with a batch of the police: all is told at once (rows R14, P3, P15, P19)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from libs.city import City
from libs.privacy.register import Register
from services.registry.bodies import SharedBatchBody, SharedEntryBody
from services.registry.queries import GRID

LONGEST, LONGEST_OF_CHILDREN = timedelta(days=366), timedelta(days=92)
MOST = 500
CHILDHOOD_YEARS = 14
POLICE = frozenset({"community_officer", "auxiliary_officer"})
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


def found(batch: SharedBatchBody, known: Known) -> list[Fault]:
    """None where it may be submitted."""
    missing = [Fault(f"/{name}", "missing") for name in REQUIRED if not getattr(batch, name)]
    return [*missing, *_papers(batch, known), *_purpose(batch, known), *_entries(batch, known)]


def _papers(batch: SharedBatchBody, known: Known) -> Iterator[Fault]:
    if batch.source and known.is_signed is None:
        yield Fault("/source", "unknown_source")
    elif batch.signature and known.is_signed is False:
        yield Fault("/signature", "bad_signature")
    if batch.expires_at and batch.expires_at <= known.now:
        yield Fault("/expires_at", "over")
    if batch.expires_at and batch.expires_at > known.now + LONGEST:
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


def _is_police(person: UUID, known: Known) -> bool:
    return any(seat.role in POLICE for seat in known.city.seats(person, known.now))


def _purpose(batch: SharedBatchBody, known: Known) -> Iterator[Fault]:
    register, today = known.register, known.now.astimezone(UTC).date()
    if batch.basis and (
        batch.basis not in register.bases or register.bases[batch.basis].until < today
    ):
        yield Fault("/basis", "unknown_basis")
    if batch.purpose and batch.purpose not in register.purposes:
        yield Fault("/purpose", "unknown_purpose")
    if batch.category is None:
        return
    if batch.category not in register.categories:
        yield Fault("/category", "unknown_category")
        return
    purpose = register.categories[batch.category].purpose
    if batch.purpose in register.purposes and batch.purpose != purpose:
        yield Fault("/purpose", "other_purpose")
    if not register.is_assessed(purpose, today):
        yield Fault("/category", "assessment_required")


def _entries(batch: SharedBatchBody, known: Known) -> Iterator[Fault]:
    if len(batch.entries) > MOST:
        yield Fault("/entries", "too_long")
        return
    seen = set[str]()
    for n, entry in enumerate(batch.entries):
        for fault in _entry(entry, batch, known):
            yield Fault(f"/entries/{n}/{fault.path}", fault.code)
        if entry.identity and entry.identity in seen:
            yield Fault(f"/entries/{n}/identity", "twice")
        seen.add(entry.identity or "")


def _entry(entry: SharedEntryBody, batch: SharedBatchBody, known: Known) -> Iterator[Fault]:
    if not entry.name:
        yield Fault("name", "missing")
    if not entry.cell:
        yield Fault("cell", "missing")
    elif known.city.area(entry.cell) is None:
        yield Fault("cell", "unknown_area")
    elif batch.area and not known.city.contains(batch.area, entry.cell):
        yield Fault("cell", "outside_area")
    today = known.now.astimezone(UTC).date()
    if entry.born and entry.born > today:
        yield Fault("born", "not_yet")
    is_long = batch.expires_at and batch.expires_at > known.now + LONGEST_OF_CHILDREN
    if is_long and entry.born and is_child(entry, today):
        yield Fault("born", "beyond_limit_of_children")


def is_child(entry: SharedEntryBody, today: date) -> bool:
    """Whose age nobody knows counts as one (row P19)."""
    if entry.born is None:
        return True
    birthday = (today.month, today.day) >= (entry.born.month, entry.born.day)
    return today.year - entry.born.year - (not birthday) < CHILDHOOD_YEARS


def without_guardian(batch: SharedBatchBody, today: date) -> int | None:
    """The first known child for whom nobody answers."""
    for n, entry in enumerate(batch.entries):
        if entry.born and is_child(entry, today) and not entry.guardian:
            return n
    return None
