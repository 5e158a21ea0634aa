"""The register of what is held: every field with its class, its purpose, its basis, its period and
who gets it. A service does not start with one that is incomplete or out of date."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from libs.common.files import read_yaml
from libs.common.settings import Settings, SettingsError

FILE = Path(__file__).with_name("register.yaml")

Class = Literal[
    "none", "reference", "contact", "identity", "sensitive", "minor", "statement", "position"
]
ASSESSED_FOR = timedelta(days=3 * 366)
Days = Annotated[int, Field(ge=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Basis(_Part):
    """A legal document, and the day after which it is over."""

    zh: str
    en: str
    document: str
    until: date


class Assessment(_Part):
    """Of the impact on people; a draft while nobody approved it. Row P15 of the requirements."""

    document: str
    since: date
    until: date
    approved_by: str | None = None

    @model_validator(mode="after")
    def _three_years_at_most(self) -> Self:
        if not self.since < self.until <= self.since + ASSESSED_FOR:
            raise ValueError("an assessment holds for three years at most")
        return self

    def holds(self, day: date) -> bool:
        return self.approved_by is not None and self.since <= day <= self.until


class Purpose(_Part):
    """`assessment`: needed where classes are held for it that may not be published."""

    zh: str
    en: str
    basis: str
    assessment: str | None = None
    approved_by: tuple[str, str]

    @model_validator(mode="after")
    def _two_persons(self) -> Self:
        if self.approved_by[0] == self.approved_by[1]:
            raise ValueError("a purpose is approved by two persons")
        return self


class Minors(_Part):
    """Who is younger than `under` years: somebody must answer for them, and what is held of them is
    reviewed after `review` days at most (row P19)."""

    under: Annotated[int, Field(ge=14)]
    review: Annotated[int, Field(ge=1, le=92)]

    def has(self, born: date | None, day: date) -> bool:
        """Whose age nobody knows counts as one."""
        if born is None:
            return True
        birthday = (day.month, day.day) >= (born.month, born.day)
        return day.year - born.year - (not birthday) < self.under


class Category(_Part):
    """Of what the police share: to be used for one purpose, with its assessment (row P15)."""

    zh: str
    en: str
    purpose: str


class Recipient(_Part):
    """Who gets what; without an assessment nobody does (row P15)."""

    en: str
    assessment: str


class Limit(_Part):
    """Of a class: whether it may leave its service, and for how many days at most it is kept; None:
    as long as what it stands for."""

    published: bool
    longest: Days | None


class Holding(_Part):
    """Fields of the same things, wherever they are held. `at`: patterns of places, such as
    `event lead.*`; `keep`: a period; `to`: who gets them besides their owner."""

    owner: str
    at: tuple[str, ...]
    purpose: str
    keep: str
    to: tuple[str, ...] = ()
    fields: Mapping[Class, tuple[str, ...]]

    def classes_of(self, place: str, field: str) -> Iterator[Class]:
        if any(fnmatchcase(place, pattern) for pattern in self.at):
            yield from (kind for kind, names in self.fields.items() if field in names)


class Register(_Part):
    """`periods`: days after the end of a thing; None: as long as there is the thing."""

    bases: Mapping[str, Basis]
    assessments: Mapping[str, Assessment]
    purposes: Mapping[str, Purpose]
    categories: Mapping[str, Category]
    classes: Mapping[Class, Limit]
    minors: Minors
    periods: Mapping[str, Days | None]
    recipients: Mapping[str, Recipient]
    holdings: tuple[Holding, ...]

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        for code, purpose in self.purposes.items():
            _check(purpose.basis in self.bases, f"purpose {code}: unknown basis {purpose.basis}")
            known = purpose.assessment in (None, *self.assessments)
            _check(known, f"purpose {code}: unknown assessment {purpose.assessment}")
        for code, category in self.categories.items():
            known = category.purpose in self.purposes
            _check(known, f"category {code}: unknown purpose {category.purpose}")
        for code, recipient in self.recipients.items():
            known = recipient.assessment in self.assessments
            _check(known, f"recipient {code}: unknown assessment {recipient.assessment}")
        for held in self.holdings:
            what = f"holding of {held.owner} at {held.at[0]}"
            _check(held.purpose in self.purposes, f"{what}: unknown purpose {held.purpose}")
            _check(held.keep in self.periods, f"{what}: no period {held.keep}")
            unknown = set(held.to) - self.recipients.keys()
            _check(not unknown, f"{what}: unknown recipient {min(unknown, default='')}")
            for kind in held.fields:
                _check(kind in self.classes, f"{what}: no period for the class {kind}")
                _check(self._is_within(kind, held.keep), f"{what}: {kind} is kept too long")
                assessed = self.classes[kind].published or self.purposes[held.purpose].assessment
                _check(bool(assessed), f"{what}: {held.purpose} needs an assessment for {kind}")
        return self

    def _is_within(self, kind: Class, keep: str) -> bool:
        longest, days = self.classes[kind].longest, self.periods[keep]
        return longest is None or (days is not None and days <= longest)

    def classes_of(self, place: str, field: str) -> list[Class]:
        """One where it is registered once, as it must be."""
        return [kind for held in self.holdings for kind in held.classes_of(place, field)]

    def is_assessed(self, purpose: str, day: date) -> bool:
        """Whether an approved assessment of it holds on this day."""
        return self.is_approved(self.purposes[purpose].assessment, day)

    def is_approved(self, assessment: str | None, day: date) -> bool:
        """Whether there is such an assessment, approved, and it holds on this day (row P15)."""
        one = self.assessments.get(assessment or "")
        return one is not None and one.holds(day)

    def assessed_by(self, assessment: str) -> list[str]:
        """Which purposes and recipients need it."""
        parts = (self.purposes, self.recipients)
        return sorted(
            n for part in parts for n, one in part.items() if one.assessment == assessment
        )

    def has_basis(self, purpose: str, day: date) -> bool:
        """Whether its legal document holds on this day."""
        return day <= self.bases[self.purposes[purpose].basis].until

    def days(self, period: str) -> int:
        """Of a period that ends."""
        found = self.periods[period]
        assert found is not None, period
        return found


def _check(holds: bool, fault: str) -> None:
    if not holds:
        raise ValueError(fault)


def read(file: Path = FILE) -> Register:
    """Raises SettingsError, with what is wrong."""
    try:
        return Register.model_validate(read_yaml(file))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise SettingsError(f"the register of fields, {file.name}: {error}") from error


@cache
def registered() -> Register:
    return read()


def check(settings: Settings, register: Register | None = None) -> None:
    """Before a service starts. Raises SettingsError, which names what is over."""
    today = datetime.now(UTC).date()
    known = register or registered()
    for code, basis in known.bases.items():
        if basis.until < today:
            raise SettingsError(
                f"the register of fields: the basis {code} ({basis.document}) was over on"
                f" {basis.until}: have it renewed, and say so there"
            )
    for code, one in known.assessments.items():
        if not one.holds(today):
            raise SettingsError(
                f"the register of fields: the assessment {code} ({one.document}), which"
                f" {', '.join(known.assessed_by(code)) or 'nothing there'} needs, is not"
                f" approved, or holds from {one.since} to {one.until}: say there who approved it,"
                " have it renewed, or take it out where nothing needs it"
            )


def assessed(
    what: str, assessment: str | None, register: Register | None = None
) -> Callable[[Settings], None]:
    """What a service demands before it starts, for rules that come with it. Raises SettingsError,
    which names them."""

    def check_rules(settings: Settings) -> None:
        known = register or registered()
        if not known.is_approved(assessment, datetime.now(UTC).date()):
            raise SettingsError(
                f"{what}: assessment_required: the register of fields has no assessment"
                f" {assessment} that is approved and holds today"
            )

    return check_rules
