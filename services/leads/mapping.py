"""How the columns of a file become leads: documented in docs/importing.md."""

from __future__ import annotations

from collections.abc import Mapping as Dictionary
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, field_validator

from libs.common.files import read_yaml


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TypeMapping(Part):
    """`values`: what the column says -> a lead type; `otherwise`: for all else, None to refuse."""

    column: str
    values: Dictionary[str, str]
    otherwise: str | None = None


class DueMapping(Part):
    """`end_of_day`: a due date means that its whole day is in time."""

    column: str
    end_of_day: bool = False


class StatusMapping(Part):
    column: str
    closed: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()


class Mapping(Part):
    """`times`: a format of strptime, local to `zone`. `number`, `cell` and `area_hint` are
    templates with {column} in them; the others are names of columns."""

    source: str
    zone: str
    times: str
    number: str
    lead_type: TypeMapping
    received_at: str
    due_at: DueMapping | None = None
    closed_at: str | None = None
    status: StatusMapping | None = None
    longitude: str | None = None
    latitude: str | None = None
    cell: str | None = None
    area_hint: str | None = None

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("unknown time zone") from None
        return zone


def read_mapping(path: Path) -> Mapping:
    """ValidationError names what is wrong in it."""
    return Mapping.model_validate(read_yaml(path))


def filled(template: str | None, row: Dictionary[str, Any]) -> str | None:
    """The template with the row's values; None where one of them is empty. KeyError: no such
    column."""
    if template is None:
        return None
    used = _Used(row)
    text = template.format_map(used).strip()
    return None if used.empty else text


class _Used(dict[str, Any]):
    empty = False

    def __getitem__(self, key: str) -> Any:
        value = str(super().__getitem__(key) or "").strip()
        self.empty = self.empty or not value
        return value
