"""Five days of a real city, dirty as they are, through the commands that a stranger would use."""

from __future__ import annotations

import csv
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

import pytest
import shapely

from cli import state
from cli.city import SERVICES
from tests.support.awaiting import eventually
from tests.support.command import Commands, city_up
from tests.support.servers import ROOT, Ground

DATA = ROOT.parent / "shared" / "data" / "los-angeles"
ROWS = 9_999
FOUND_WITHOUT_REPAIR = 7_822
TWO_MINUTES = 120
TIME = "%m/%d/%Y %I:%M:%S %p"

pytestmark = [
    pytest.mark.skipif(not DATA.exists(), reason="the data of Los Angeles are not here"),
    pytest.mark.timeout(500),
]


@pytest.fixture(scope="module")
async def city(
    servers: Ground, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Commands]:
    async with city_up(servers, tmp_path_factory.mktemp("los-angeles")) as there:
        yield there


@pytest.fixture(scope="module")
async def imported(city: Commands) -> dict[str, Any]:
    """What the first import said, and how long it took until every service had it all."""
    areas = city.json(
        *("registry", "import", "--areas", str(DATA / "councils.geojson")),
        *("--mapping", "services/registry/mappings/los-angeles.yaml"),
    )
    assert areas["refused"] == 0
    begun = time.monotonic()
    result: dict[str, Any] = _import(city)
    await eventually(lambda: _captured(city), ROWS.__eq__, within=TWO_MINUTES)
    return {**result, "seconds": time.monotonic() - begun}


def _import(city: Commands) -> Any:
    mapping = ("--mapping", "services/leads/mappings/los-angeles.yaml")
    return city.json("leads", "import", str(DATA / "requests.csv"), *mapping)


async def _captured(city: Commands) -> int:
    """Leads that scoring has counted, unless something is still on its way."""
    states = await state.states(city.settings, SERVICES)
    if any(one.lag or one.unpublished for one in states):
        return -1
    counted = "SELECT count(*) FROM applied WHERE type = 'lead.captured.v1'"
    return int((await city.rows("scoring", counted))[0]["count"])


def rows() -> list[dict[str, str]]:
    with (DATA / "requests.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


async def councils(city: Commands) -> Mapping[str, str | None]:
    """By number of the request: the community that its lead is in."""
    found = await city.rows("leads", "SELECT source_number, community FROM lead")
    return {one["source_number"]: one["community"] for one in found}


async def test_every_row_is_routed_or_unrouted_or_refused(
    city: Commands, imported: dict[str, Any]
) -> None:
    parts = ("routed", "unrouted", "refused")
    assert sum(imported[name] for name in parts) == imported["rows"] == ROWS
    assert imported["new"] == imported["routed"] + imported["unrouted"]
    statuses = await city.rows(
        "leads", "SELECT status = 'unrouted' AS u, count(*) FROM lead GROUP BY 1"
    )
    stored = {one["u"]: one["count"] for one in statuses}
    assert stored == {True: imported["unrouted"], False: imported["routed"]}


async def test_it_is_through_every_service_within_two_minutes(imported: dict[str, Any]) -> None:
    assert imported["seconds"] < TWO_MINUTES


async def test_the_council_found_by_the_point_is_the_one_that_the_row_names(
    city: Commands, imported: dict[str, Any]
) -> None:
    """Rows are sought here by shapely as it is, without repair of any polygon."""
    features = json.loads((DATA / "councils.geojson").read_text())["features"]
    shapes = {
        str(f["properties"]["nc_id"]): shapely.geometry.shape(f["geometry"]) for f in features
    }
    placed = await councils(city)
    agreeing = 0
    for row in rows():
        if not (row["Latitude"] and row["NC"] in shapes):
            continue
        point = shapely.Point(float(row["Longitude"]), float(row["Latitude"]))
        if shapes[row["NC"]].contains(point):
            agreeing += placed[row["SRNumber"]] == f"LA-{int(row['NC']):03}"
    assert agreeing >= FOUND_WITHOUT_REPAIR


async def test_the_on_time_rate_of_each_council_is_the_one_in_the_file(
    city: Commands, imported: dict[str, Any]
) -> None:
    placed = await councils(city)
    numerators: dict[str, int] = defaultdict(int)
    denominators: dict[str, int] = defaultdict(int)
    for row in rows():
        council = placed[row["SRNumber"]]
        is_closed = row["Status"] in ("Closed", "Referred Out") and row["ClosedDate"]
        if council is None or not is_closed or not row["ServiceDate"]:
            continue
        closed = datetime.strptime(row["ClosedDate"], TIME).date()
        denominators[council] += 1
        numerators[council] += closed <= datetime.strptime(row["ServiceDate"], TIME).date()
    shown = {}
    for score in city.json("scoring", "show", "--kind", "grid_l1"):
        figure = next(one for one in score["figures"] if one["indicator"] == "on_time")
        if figure["denominator"]:
            shown[score["subject"]] = (figure["numerator"], figure["denominator"])
    assert shown == {c: (numerators[c], total) for c, total in denominators.items()}
    assert sum(denominators.values()) > 9_000


async def test_history_sets_no_timer_and_tells_nobody(
    city: Commands, imported: dict[str, Any]
) -> None:
    assert await city.rows("leads", "SELECT id FROM timer LIMIT 1") == []
    assert await city.rows("alerts", "SELECT id FROM timer LIMIT 1") == []
    assert await city.rows("alerts", "SELECT 1 FROM receipt LIMIT 1") == []
    late = await city.rows("alerts", "SELECT count(*) FROM alert WHERE state->>'late' = 'true'")
    assert late[0]["count"] >= ROWS


async def test_a_second_import_changes_nothing(city: Commands, imported: dict[str, Any]) -> None:
    count = "SELECT count(*), max(position) FROM event WHERE topic = 'civicgrid.leads'"
    before = await city.rows("leads", count)
    again = _import(city)
    assert (again["new"], again["unchanged"]) == (0, imported["new"])
    assert {name: again[name] for name in ("routed", "unrouted", "refused")} == {
        name: imported[name] for name in ("routed", "unrouted", "refused")
    }
    assert await city.rows("leads", count) == before


async def test_the_figures_counted_again_are_the_same(
    city: Commands, imported: dict[str, Any]
) -> None:
    result = city.json("scoring", "replay")
    assert result["differing"] == []
    assert result["digest"] == result["replayed_digest"]
