"""The description of a city to generate: counts, codes, names, offices, seats."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from libs.common.contracts.registry import Level, OrganisationKind, Role
from libs.common.files import read_yaml
from services.registry.bodies import CalendarBody
from services.registry.policies import LEVELS


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Extent(Part):
    """Degrees, WGS 84."""

    west: float
    south: float
    east: float
    north: float


class LevelPlan(Part):
    """`count`: areas of this level in the whole city. `digits`: what its code adds to its parent's.

    Names: `names` one by one, or the template `name` with {parent} and {number}.
    """

    level: Level
    count: int = Field(ge=1)
    first_code: str = ""
    digits: int = Field(default=0, ge=0)
    name: str = "{parent}-{number}"
    names: tuple[str, ...] = ()


class OrganisationPlan(Part):
    level: Level
    kind: OrganisationKind
    name: str


class PostPlan(Part):
    """`organisation`: the kind of the office, of the same area, that the seat belongs to."""

    level: Level
    role: Role
    seats: int = Field(ge=1)
    organisation: OrganisationKind | None = None
    same_person_as: Role | None = None


class Plan(Part):
    scheme: Literal["stat12"]
    datum: Literal["wgs84"]
    valid_from: AwareDatetime
    extent: Extent
    households_per_cell: int = Field(ge=0)
    levels: tuple[LevelPlan, ...]
    organisations: tuple[OrganisationPlan, ...] = ()
    posts: tuple[PostPlan, ...] = ()
    calendars: tuple[CalendarBody, ...] = ()

    @field_validator("levels")
    @classmethod
    def _go_down_from_one_city(cls, levels: Sequence[LevelPlan]) -> Sequence[LevelPlan]:
        if tuple(one.level for one in levels) != LEVELS[: len(levels)] or levels[0].count != 1:
            raise ValueError("levels go down from one city, none left out")
        if len(levels) < 3:
            raise ValueError("a city has a community")
        if any(below.count < above.count for above, below in pairwise(levels)):
            raise ValueError("a level has no fewer areas than the one above")
        return levels


def read_plan(path: Path) -> Plan:
    return Plan.model_validate(read_yaml(path))
