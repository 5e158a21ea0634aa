"""An area: a node of the tree from city to level 3, planned, active, then closed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, assert_never
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.contracts.registry import (
    AreaChanged,
    AreaClosed,
    AreaOpened,
    CellKind,
    Level,
)
from libs.common.messages import Decider, Refused


class Status(StrEnum):
    NEW = "new"
    PLANNED = "planned"
    ACTIVE = "active"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Description:
    """What is told of an area. `community` is the code of its level 1 cell, None above that."""

    code: str
    name: str
    level: Level
    parent: str | None
    kind: CellKind = "basic"
    community: str | None = None
    households: int | None = None
    polygon: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Area:
    """`valid_from`: since when it is as described; `valid_to`: when it ended."""

    area_id: UUID
    description: Description | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class OpenArea:
    """Told again with other content, it is a change. `valid_from` None: now, or as it stands."""

    description: Description
    at: datetime
    valid_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChangeArea:
    description: Description
    at: datetime
    valid_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class CloseArea:
    """`children` and `holders` count what still stands in the way."""

    at: datetime
    valid_to: datetime
    children: int
    holders: int


Command = OpenArea | ChangeArea | CloseArea
Facts = AreaOpened | AreaChanged | AreaClosed

ALLOWED = {
    Status.NEW: ("open_area",),
    Status.PLANNED: ("close_area",),
    Status.ACTIVE: ("change_area", "close_area"),
    Status.CLOSED: (),
}


def status(area: Area, at: datetime) -> Status:
    if area.valid_from is None:
        return Status.NEW
    if area.valid_to is not None:
        return Status.CLOSED
    return Status.ACTIVE if area.valid_from <= at else Status.PLANNED


def decide(area: Area, command: Command) -> list[Facts]:
    match command:
        case OpenArea(description, at, valid_from):
            if area.valid_from is None:
                return [AreaOpened(**_told(area, description, valid_from or at))]
            return _change(area, description, at, valid_from or at)
        case ChangeArea(description, at, valid_from):
            if area.description is None:
                raise Refused("not_found", status=404)
            return _change(area, description, at, valid_from or at)
        case CloseArea():
            return _close(area, command)
        case _:
            assert_never(command)


def _change(
    area: Area, description: Description, at: datetime, valid_from: datetime
) -> list[Facts]:
    known = status(area, at)
    if description == area.description and known is not Status.CLOSED:
        return []
    if known is not Status.ACTIVE:
        raise Refused("illegal_transition", allowed=ALLOWED[known])
    assert area.description is not None and area.valid_from is not None
    if description.parent != area.description.parent or description.level != area.description.level:
        raise Refused("fixed_place_in_tree", status=422, path="/parent")
    if valid_from < area.valid_from:
        raise Refused("before_last_change", status=422, path="/valid_from", at=area.valid_from)
    return [AreaChanged(**_told(area, description, valid_from))]


def _close(area: Area, command: CloseArea) -> list[Facts]:
    known = status(area, command.at)
    if area.description is None or area.valid_from is None:
        raise Refused("not_found", status=404)
    if known is Status.CLOSED:
        if area.valid_to == command.valid_to:
            return []
        raise Refused("illegal_transition", allowed=ALLOWED[known])
    if command.children or command.holders:
        raise Refused("area_in_use", children=command.children, holders=command.holders)
    if command.valid_to < area.valid_from:
        raise Refused("end_before_beginning", status=422, path="/valid_to")
    told = _told(area, area.description, area.valid_from)
    return [AreaClosed(**told, valid_to=command.valid_to)]


def _told(area: Area, description: Description, valid_from: datetime) -> dict[str, Any]:
    fields = {name: getattr(description, name) for name in Description.__slots__}
    return {"area_id": area.area_id, **fields, "valid_from": valid_from}


def evolve(area: Area, event: Facts) -> Area:
    fields = {name: getattr(event, name) for name in Description.__slots__}
    area = replace(area, description=Description(**fields), valid_from=event.valid_from)
    return replace(area, valid_to=event.valid_to) if isinstance(event, AreaClosed) else area


AREA = Decider(
    name="area",
    blank=Area,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(Area),
    events=(AreaOpened, AreaChanged, AreaClosed),
)
