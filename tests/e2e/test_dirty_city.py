"""A made-up city as dirty as real ones: overlapping and broken areas, rows with every fault."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import state
from cli.city import SERVICES
from tests.support.awaiting import eventually
from tests.support.command import Commands, city_up
from tests.support.servers import Ground

ROWS = 300
AREAS = {
    "datum": "wgs84",
    "areas": [
        {"level": "city", "code": "D", "name": "Dirt"},
        {"level": "town", "code": "D-{side}", "name": "{side}"},
        {"level": "grid_l1", "code": "D-{number}", "name": "{name}"},
    ],
    "organisations": [
        {"level": "city", "kind": "command_centre", "name": "centre of {name}"},
        {"level": "grid_l1", "kind": "police_room", "name": "room of {name}"},
        {"level": "grid_l1", "kind": "community_station", "name": "station of {name}"},
    ],
}
LEADS = {
    "source": "dirt",
    "zone": "Asia/Shanghai",
    "times": "%Y-%m-%d %H:%M",
    "number": "{No}",
    "lead_type": {"column": "Kind", "values": {"lamp": "street_light", "rubbish": "refuse"}},
    "received_at": "Made",
    "due_at": {"column": "Due", "end_of_day": True},
    "closed_at": "Done",
    "status": {"column": "State", "closed": ["done"], "cancelled": ["void"]},
    "longitude": "X",
    "latitude": "Y",
    "area_hint": "D-{Area}",
}


def square(west: float, south: float, side: float) -> list[list[float]]:
    east, north = west + side, south + side
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def feature(number: str, ring: list[list[float]], side: str = "east") -> dict[str, Any]:
    told = {"number": number, "name": f"Area {number}", "side": side}
    shape = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": told, "geometry": shape}


def areas() -> dict[str, Any]:
    """Four squares, two of which overlap, and a fifth whose border crosses itself."""
    bow = [[1.0, 1.0], [1.1, 1.1], [1.1, 1.0], [1.0, 1.1], [1.0, 1.0]]
    features = [
        feature("1", square(0, 0, 0.1)),
        feature("2", square(0.1, 0, 0.1)),
        feature("3", square(0.15, 0, 0.1), "west"),
        feature("4", square(0, 0.1, 0.1), "west"),
        feature("5", bow, "west"),
    ]
    return {"type": "FeatureCollection", "features": features}


def rows() -> list[dict[str, str]]:
    """The same every time; every seventh row or so has a fault."""
    chance = random.Random(300)
    found = []
    for n in range(ROWS):
        row = {
            "No": f"n{n}",
            "Kind": chance.choice(["lamp", "rubbish"]),
            "Made": f"2025-03-{1 + n % 28:02} 08:00",
            "Due": f"2025-04-{1 + n % 28:02} 00:00" if n % 3 else "",
            "Done": f"2025-04-{1 + (n * 7) % 28:02} 17:30" if n % 4 else "",
            "State": ["open", "done", "done", "void"][n % 4],
            "X": f"{chance.uniform(0, 0.25):.4f}",
            "Y": f"{chance.uniform(0, 0.1):.4f}",
            "Area": "",
        }
        row |= FAULTS.get(n % 50, {})
        found.append(row)
    return found


FAULTS: dict[int, dict[str, str]] = {
    3: {"X": "", "Y": ""},  # no place: unrouted
    7: {"X": "50", "Y": "50"},  # outside: unrouted
    11: {"X": "", "Y": "", "Area": "4"},  # only named: routed
    17: {"Made": "yesterday"},  # refused
    23: {"Kind": "ghost"},  # refused
    29: {"No": ""},  # refused
    31: {"X": "east"},  # refused
    37: {"X": "200"},  # refused by the service
    41: {"Made": ""},  # refused
}
UNROUTED, REFUSED = 2 * 6, 6 * 6


@pytest.fixture(scope="module")
async def city(
    servers: Ground, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Commands]:
    async with city_up(servers, tmp_path_factory.mktemp("dirt")) as there:
        yield there


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "areas.geojson").write_text(json.dumps(areas()))
    (folder / "areas.yaml").write_text(yaml.safe_dump(AREAS))
    (folder / "leads.yaml").write_text(yaml.safe_dump(LEADS))
    with (folder / "leads.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows()[0]))
        writer.writeheader()
        writer.writerows(rows())
    return folder


def import_areas(folder: Path, *more: str) -> tuple[str, ...]:
    there = ("--areas", str(folder / "areas.geojson"), "--mapping", str(folder / "areas.yaml"))
    return "registry", "import", *there, *more


async def known_everywhere(city: Commands) -> bool:
    looks = [await state.states(city.settings, SERVICES) for _ in range(2)]
    return not any(one.lag or one.unpublished for look in looks for one in look)


async def test_faults_are_listed_one_by_one_and_strict_refuses_the_set(
    city: Commands, files: Path
) -> None:
    faults = city.json(*import_areas(files, "--strict"), code=1)["faults"]
    assert {fault["code"] for fault in faults} >= {"overlap", "invalid_polygon"}
    loaded = city.json(*import_areas(files))
    assert loaded["refused"] == 0
    assert city.json("registry", "show")["grid_l1"] == 5
    again = city.json(*import_areas(files))
    assert (again["changed"], again["unchanged"]) == (0, loaded["changed"])


async def test_every_row_ends_somewhere_and_the_numbers_add_up(city: Commands, files: Path) -> None:
    await eventually(partial(known_everywhere, city), bool)
    mapping = ("--mapping", str(files / "leads.yaml"))
    result = city.json("leads", "import", str(files / "leads.csv"), *mapping)
    counts = {name: result[name] for name in ("rows", "routed", "unrouted", "refused")}
    routed = ROWS - UNROUTED - REFUSED
    assert counts == {
        "rows": ROWS,
        "routed": routed,
        "unrouted": UNROUTED,
        "refused": REFUSED,
    }
    assert all(one["why"] and one["line"] for one in result["refusals"])
    again = city.json("leads", "import", str(files / "leads.csv"), *mapping)
    assert (again["new"], again["unchanged"]) == (0, result["new"])


async def test_a_mapping_that_does_not_fit_is_refused_with_a_reason(
    city: Commands, files: Path
) -> None:
    wrong = files / "wrong.yaml"
    wrong.write_text(yaml.safe_dump(LEADS | {"received_at": "Nowhere"}))
    arguments = ("leads", "import", str(files / "leads.csv"), "--mapping", str(wrong))
    city.run(*arguments, code=2)
    wrong.write_text(yaml.safe_dump(LEADS | {"zone": "Mars/Olympus"}))
    city.run(*arguments, code=2)
