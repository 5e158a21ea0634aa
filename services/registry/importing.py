"""Any city's areas out of a file, with every fault listed by itself. Nothing is sent from here."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from services.registry import mapping as mappings
from services.registry.batches import Batch, Body, Entry
from services.registry.batches import batches as in_batches
from services.registry.faults import Fault
from services.registry.mapping import AreaMapping, RoomNames
from services.registry.policies import LEVELS
from services.registry.topology import Shaped, fitted
from services.registry.tree_faults import rooted

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Import:
    """Bodies for POST /areas/batch and /organisations/batch, parents before children."""

    areas: tuple[Body, ...]
    organisations: tuple[Body, ...]
    faults: tuple[Fault, ...]

    def refused(self, strict: bool) -> bool:
        """Whether the whole set must be left alone: for any fault, or only for a fatal one."""
        return any(strict or fault.outcome == "refused" for fault in self.faults)


def read_areas(path: Path, mapping: mappings.Mapping) -> Import:
    """GeoJSON (.geojson, .json) or CSV with a header, in UTF-8."""
    try:
        rows = list(_csv(path) if path.suffix.lower() == ".csv" else _features(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        return Import((), (), (Fault(None, "", "unreadable", "refused", value=str(problem)),))
    told, faults = _told(rows, mapping)
    told, more = rooted(told)
    told, still_more = fitted(told)
    faults += more + still_more
    faults.sort(key=lambda fault: (fault.index is None, fault.index or 0))
    areas = sorted(told, key=lambda one: (LEVELS.index(one.body["level"]), one.body["code"]))
    organisations = tuple(_organisations(areas, mapping, path.parent))
    return Import(tuple(one.body for one in areas), organisations, tuple(faults))


def batches(import_: Import, size: int = 500) -> Iterator[Batch]:
    """The requests that load it, in order: (route, bodies)."""
    areas = (Entry("/areas/batch", body["level"], body) for body in import_.areas)
    yield from in_batches(areas, size)
    organisations = (Entry("/organisations/batch", "", body) for body in import_.organisations)
    yield from in_batches(organisations, size)


def _csv(path: Path) -> Iterator[tuple[Row, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            yield {name: value or "" for name, value in row.items() if name}, None


def _features(path: Path) -> Iterator[tuple[Row, Any]]:
    for feature in json.loads(path.read_text(encoding="utf-8-sig"))["features"]:
        values = feature.get("properties") or {}
        row = {name: "" if value is None else value for name, value in values.items()}
        yield row, feature.get("geometry")


def _told(
    rows: Sequence[tuple[Row, Any]], mapping: mappings.Mapping
) -> tuple[list[Shaped], list[Fault]]:
    """Each area once. The last of a row is its own, and only that may not come twice."""
    known: dict[str, Shaped] = {}
    faults: list[Fault] = []
    for index, (row, polygon) in enumerate(rows):
        read = _read_row(index, row, mapping)
        if isinstance(read, Fault):
            faults.append(read)
            continue
        for one in read[:-1]:
            known.setdefault(one.body["code"], one)
        own = read[-1]
        if (code := own.body["code"]) in known:
            faults.append(Fault(index, "/code", "repeated_code", "left_out", code))
        else:
            known[code] = replace(own, polygon=polygon)
    return list(known.values()), faults


def _read_row(index: int, row: Row, mapping: mappings.Mapping) -> list[Shaped] | Fault:
    found: list[Shaped] = []
    for area in mapping.areas:
        above = found[-1].body["code"] if found else None
        try:
            body = _body(row, area, above)
        except KeyError as missing:
            return Fault(index, "", "missing_column", "left_out", value=str(missing.args[0]))
        except (ValueError, IndexError, AttributeError) as problem:
            return Fault(index, "", "bad_template", "left_out", value=str(problem))
        if fault := _shape_fault(index, body):
            return fault
        if mapping.valid_from:
            body["valid_from"] = mapping.valid_from.isoformat()
        if body["households"] is not None:
            body["households"] = int(body["households"])
        found.append(Shaped(index, body, row))
    return found


def _body(row: Row, area: AreaMapping, above: str | None) -> Body:
    given = None if area.parent is None else mappings.code(area.parent, row)
    count = mappings.filled(area.households, row) if area.households else None
    return {
        "code": mappings.code(area.code, row),
        "name": mappings.filled(area.name, row),
        "level": mappings.filled(area.level, row),
        "parent": above if given is None else given or None,
        "kind": area.kind,
        "households": count or None,
    }


def _shape_fault(index: int, body: Body) -> Fault | None:
    def fault(path: str, code: str, value: str = "") -> Fault:
        return Fault(index, path, code, "left_out", body["code"] or None, value)

    if not body["code"]:
        return fault("/code", "missing_code")
    if not body["name"]:
        return fault("/name", "missing_name")
    if body["level"] not in LEVELS:
        return fault("/level", "unknown_level", body["level"])
    if body["households"] is not None and not body["households"].isdecimal():
        return fault("/households", "bad_households", body["households"])
    return None


def _organisations(
    areas: Sequence[Shaped], mapping: mappings.Mapping, folder: Path
) -> Iterator[Body]:
    named = _room_names(mapping.police_rooms, folder)
    for area in areas:
        for office in mapping.organisations:
            if office.level != area.body["level"]:
                continue
            name = mappings.filled(office.name, area.body)
            if office.kind == "police_room":
                name = named(area.row) or name
            code = f"{office.kind}-{area.body['code']}"
            yield {"code": code, "name": name, "kind": office.kind, "area": area.body["code"]}


def _room_names(rooms: RoomNames | None, folder: Path) -> Callable[[Row], str | None]:
    """What most rows of the file say of an area; of two equals, the smaller name."""
    if rooms is None:
        return lambda row: None
    votes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row, _ in _csv(folder / rooms.file):
        whose, name = mappings.filled(rooms.row, row), mappings.filled(rooms.name, row)
        if whose and name:
            votes[whose][name] += 1
    most = {area: min(votes[area], key=lambda name: (-votes[area][name], name)) for area in votes}
    return lambda row: most.get(mappings.filled(rooms.area, row))
