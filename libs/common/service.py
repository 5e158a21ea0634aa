"""A service as one value: what it decides, what it reacts to, what it shows."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from libs.common.anchors import CHAIN
from libs.common.draft import Rules
from libs.common.erasures import ERASURE
from libs.common.facts import Tables
from libs.common.http import Desk
from libs.common.http.guards import Guard
from libs.common.messages import Decider, Event, Policies, Timers
from libs.common.projections import Projection, Rows
from libs.common.reading_limit import READING_LIMIT
from libs.common.receiving import Told
from libs.common.settings import Settings
from libs.common.sweeping import Sweep


@dataclass(frozen=True)
class Service:
    """`consumes`: topics, one that ends in `*` standing for all that begin so. `first`: those of
    them that tell by what the others are decided, and are read before them. `migrations`:
    folders of copies that it shares; its own are in its room. `buried`: its answer to intake
    that cannot be handled. `gathers_seconds`: nobody waits for what it makes of its records,
    which may gather for so long and cost less. `guard`: who may ask what. `demands`: each raises
    SettingsError where something is missing without which this service must not start."""

    name: str
    deciders: tuple[Decider[Any, Any, Any], ...]
    policies: Policies
    timers: Timers
    projections: tuple[Projection, ...]
    facts: Callable[[Tables], Any]
    consumes: tuple[str, ...]
    routes: Callable[[Desk[Any]], APIRouter]
    guard: Callable[[Settings], Guard]
    migrations: tuple[Path, ...] = ()
    first: tuple[str, ...] = ()
    buried: Told | None = None
    sweeps: tuple[Sweep, ...] = ()
    gathers_seconds: float = 0
    demands: tuple[Callable[[Settings], None], ...] = ()

    @property
    def source(self) -> str:
        return f"/civicgrid/{self.name}"

    @property
    def topic(self) -> str:
        return f"civicgrid.{self.name}"

    @cached_property
    def room(self) -> Path:
        """The folder of this service."""
        return Path(inspect.getfile(self.routes)).parent

    @property
    def aggregates(self) -> tuple[Decider[Any, Any, Any], ...]:
        """Its own, and those that every service has."""
        return (*self.deciders, ERASURE, READING_LIMIT, CHAIN)

    @property
    def publishes(self) -> tuple[type[Event], ...]:
        return tuple(event for decider in self.aggregates for event in decider.events)

    @cached_property
    def reads(self) -> Mapping[str, type[Event]]:
        """Types of events of other services that something here asks for."""
        own = {event for event in self.publishes if not event.everybodys}
        asked = {*self.policies, *(event for one in self.projections for event in one.on)}
        return {event.type: event for event in asked - own}

    def rules(self) -> Rules:
        projections: dict[type[Event], list[tuple[Projection, Rows]]] = {}
        for projection in self.projections:
            for event, rows in projection.on.items():
                projections.setdefault(event, []).append((projection, rows))
        return Rules(self.source, self.topic, self.policies, projections)

    def migration_folders(self, core: Path) -> Mapping[str, Path]:
        """In the order in which they run."""
        shared = {folder.parent.name: folder for folder in self.migrations}
        return {"core": core, **shared, self.name: self.room / "migrations"}
