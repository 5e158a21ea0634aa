"""How the columns or properties of a file become areas: documented in docs/importing.md."""

from __future__ import annotations

import re
from collections.abc import Mapping as Dictionary
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from libs.common.contracts.registry import CellKind, OrganisationKind
from libs.common.files import read_yaml

LevelName = str
"""A level, or a template that gives one: {"{kind_of_area}"}."""


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AreaMapping(Part):
    """Templates with {column} in them. `parent` absent: the area named before in the same row.

    An empty `parent` that was given means none: the city.
    """

    level: LevelName
    code: str
    name: str
    parent: str | None = None
    kind: CellKind = "basic"
    households: str | None = None


class OrganisationMapping(Part):
    """One for every area of that level; {name} and {code} are the area's."""

    level: LevelName
    kind: OrganisationKind
    name: str


class RoomNames(Part):
    """Names of police rooms out of another file beside the first: what most of its rows say.

    Rows belong to the area whose `area` gives the same text as their `row`.
    """

    file: str
    row: str
    area: str
    name: str


class Mapping(Part):
    """`areas`: what one row or feature tells of, from the top down; the last is the row's own."""

    datum: Literal["wgs84"]
    valid_from: AwareDatetime | None = None
    areas: tuple[AreaMapping, ...] = Field(min_length=1)
    organisations: tuple[OrganisationMapping, ...] = ()
    police_rooms: RoomNames | None = None


def read_mapping(path: Path) -> Mapping:
    """ValidationError names what is wrong in it."""
    return Mapping.model_validate(read_yaml(path))


def filled(template: str, row: Dictionary[str, Any]) -> str:
    """The template with the row's values, without space around. KeyError: no such column."""
    return template.format_map(row).strip()


def code(template: str, row: Dictionary[str, Any]) -> str:
    """As `filled`; whatever is not a letter or digit becomes one hyphen."""
    return re.sub(r"[^\w]+", "-", filled(template, row)).strip("-")
