"""Who may do what besides what `test_rights_matrix.py` tries of each role, relation and action:
what neighbours have in the database, and that the reader may do nothing else.

What is expected is worked out here from the rights file and the plan of the city alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import cos, hypot, radians
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import yaml

from cli.city import SERVICES
from libs.common.http.desk import SET_SCOPE
from libs.common.ids import uuid7
from libs.rights import policy
from libs.rights.scopes import scope_of
from services.registry import reference
from tests.e2e.small_city.test_alerts import alerts_about
from tests.e2e.small_city.test_mediation import cases_of
from tests.support.awaiting import eventually
from tests.support.routes import routes_of
from tests.support.town import PLAN, SEED, Town, is_ok

BODIES = [(route, body) for route, bodies in reference.batches(PLAN, SEED) for body in bodies]
PARENT = {body["code"]: body["parent"] for route, body in BODIES if route == "/areas/batch"}
RINGS: Mapping[str, Any] = {
    body["code"]: body["polygon"]["coordinates"][0]
    for route, body in BODIES
    if route == "/areas/batch"
}
"""Corners of areas, from the south-west around: all are rectangles."""
SEATS = {body["code"]: body for route, body in BODIES if route == "/posts/batch"}
HELD = [body for route, body in BODIES if route == "/appointments/batch"]
CELL = min(code for code in PARENT if len(code) == len(max(PARENT, key=len)))
COMMUNITY = PARENT[PARENT[CELL]]
CITY = min(PARENT, key=len)
OFFICES = {
    "auxiliary_officer": "police_room",
    "mediation_staff": "mediation_centre",
    "mediator": "mediation_centre",
    "station_staff": "community_station",
    "department_operator": "police_room",
    "police_assistant": None,
}
"""Roles that the plan has no posts of, and where these tests put them."""
OF_THE_CITY = ("assessor", "system_admin", "integrator")
"""Of these one for the whole city."""

NEAR = "leads near a border"
AROUND = 8_000
"""Metres: from the middle of CELL two other communities are nearer than that, and one is not."""

FOR_ALL_STAFF = (
    *("/areas/counts", "/routing-rules", "/alert-rules"),
    *("/mediation-centres", "/schemes"),
)
"""A read of each service that knows of posts."""


@dataclass(frozen=True)
class Person:
    id: UUID
    role: str
    area: str
    office: str | None

    def __str__(self) -> str:
        return f"{self.role} of {self.area}"


@dataclass(frozen=True)
class Thing:
    """Where it is, who has it, and whom it concerns."""

    id: str
    unit: str | None = None
    persons: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()
    """Other communities that the circle crosses in which it was seen."""


def may(action: str, service: str) -> Mapping[str, set[str]]:
    """Role -> relations, read from the file in another way than the product does."""
    document = yaml.safe_load(policy.FILE.read_text())
    found: dict[str, set[str]] = {}
    for rule in document[service]:
        if action not in rule["do"]:
            continue
        for relation, names in rule["who"].items():
            for name in names:
                for role in document["groups"].get(name, [name]):
                    found.setdefault(role, set()).add(relation)
    return found


def above(code: str | None) -> Iterator[str]:
    while code:
        yield code
        code = PARENT[code]


def holds(relations: set[str], person: Person, thing: Thing) -> bool:
    """`thing` is in CELL."""
    return (
        "anywhere" in relations
        or ("within" in relations and person.area in above(CELL))
        or ("own" in relations and person.area == CELL)
        or ("unit" in relations and person.office is not None and person.office == thing.unit)
        or ("self" in relations and str(person.id) in thing.persons)
    )


def is_near(relations: set[str], person: Person, thing: Thing) -> bool:
    """Seen masked, if it is not seen as it is."""
    return "neighbour" in relations and person.area in thing.beside


def beside(metres: float) -> frozenset[str]:
    """Communities that are not further away from the middle of CELL, but for its own: by the
    corners of the plan, on a sphere of 6,371 km."""
    lon, lat = middle(CELL)
    degree = 6_371_000 * radians(1)

    def distance(code: str) -> float:
        (west, south), _, (east, north), *_ = RINGS[code]
        return hypot(
            max(west - lon, 0, lon - east) * degree * cos(radians(lat)),
            max(south - lat, 0, lat - north) * degree,
        )

    return frozenset(code for code in RINGS if _is_other(code) and distance(code) <= metres)


def middle(code: str) -> tuple[float, float]:
    (west, south), _, (east, north), *_ = RINGS[code]
    return (west + east) / 2, (south + north) / 2


def persons_of_the_plan() -> Iterator[Person]:
    for held in HELD:
        seat = SEATS[held["post"]]
        yield Person(UUID(held["person_ref"]), seat["role"], seat["area"], seat["organisation"])


@pytest.fixture(scope="module")
async def persons(town: Town) -> list[Person]:
    """Those of the plan; of each other role one of the city, or one in this community and one in
    the next."""
    found = list(persons_of_the_plan())
    next_one = next(code for code in sorted(PARENT.values(), key=str) if _is_other(code))
    found += [await _appointed(town, role, CITY, None) for role in OF_THE_CITY]
    for role, office in OFFICES.items():
        for area in (COMMUNITY, next_one):
            found.append(await _appointed(town, role, area, office and f"{office}-{area}"))
    await town.spread()
    for one in found[-2 * len(OFFICES) :]:
        for path in FOR_ALL_STAFF:
            await eventually(partial(town.of(one.id).client.get, path), is_ok)
    return found


async def _appointed(town: Town, role: str, area: str, office: str | None) -> Person:
    code, person = f"{role}-{area}-test", uuid4()
    post = {"code": code, "role": role, "area": area, "organisation": office}
    await town.load([("/posts/batch", [post])])
    held = {"post": code, "person_ref": str(person)}
    await town.load([("/appointments/batch", [held])])
    return Person(person, role, area, office)


def _is_other(code: str | None) -> bool:
    return code is not None and len(code) == len(COMMUNITY) and code != COMMUNITY


@pytest.fixture(scope="module")
async def things(town: Town) -> Mapping[str, Thing]:
    """A lead, an alert and a case in CELL, by the part of the address that names their kind; and a
    lead in the middle of CELL, or anywhere around."""
    theft, quarrel, near = str(uuid7()), str(uuid7()), str(uuid7())
    for id, kind in ((theft, "theft"), (quarrel, "neighbour_quarrel")):
        await town.post("/leads", {"id": id, "lead_type": kind, "cell": CELL})
    lon, lat = middle(CELL)
    place = {"longitude": lon, "latitude": lat, "accuracy_m": AROUND}
    placed = (await town.post("/leads", {"id": near, "lead_type": "theft", **place})).json()
    assert placed["cell"] == CELL and set(placed["candidates"]) == {COMMUNITY, *beside(AROUND)}
    alert = (await eventually(partial(alerts_about, town, theft), bool))[0]
    receipts = (await town.get(f"/alerts/{alert['id']}/receipts"))["items"]
    case = (await eventually(partial(cases_of, town, quarrel), bool))[0]
    told = frozenset(one["person_ref"] for one in receipts)
    return {
        "leads": Thing(theft, f"police_room-{COMMUNITY}"),
        NEAR: Thing(near, f"police_room-{COMMUNITY}", beside=beside(AROUND)),
        "alerts": Thing(alert["id"], persons=told),
        "mediation-cases": Thing(case["id"], case["centre"]),
    }


VALID: Mapping[str, Any] = {
    "capture_lead": {"lead_type": "theft", "cell": CELL},
    "return_lead": {"reason": "not_ours"},
    "route_lead": {"unit": f"police_room-{COMMUNITY}", "reason": "theirs"},
    "arbitrate_lead": {"unit": f"police_room-{COMMUNITY}", "reason": "theirs"},
    "feed_back": {"outcome": "settled"},
    "order_rework": {"reason": "unfinished"},
    "dismiss_lead": {"reason": "twice"},
    "apply": {"cell": CELL},
    "accept": {"grade": "simple"},
    "decline": {"reason": "unfit"},
    "fail": {"reason": "no_agreement"},
    "form_panel": {"mediators": [str(uuid4())], "consents": [str(uuid4()), str(uuid4())]},
    "hold_session": {"minutes": 30},
}
"""Bodies of commands that are looked into; all others are refused by their form, if not before."""
ROUTES = [
    (one.name, route)
    for one in SERVICES
    for route in routes_of(one)
    if may(route.name, one.name).keys().isdisjoint({"anyone", "signed_in"})
]
"""But those that ask for no post, of which `tests/integration/portal/test_sign_in.py` is."""


def town_without(town: Town) -> Town:
    """The same, as nobody."""
    there = town.of(uuid4())
    there.client.auth = None  # type: ignore[assignment]
    return there


TABLES = {
    "lead": ("leads", "show_lead", ("leads", NEAR)),
    "alert": ("alerts", "show_alert", ("alerts",)),
    "mediation_case": ("mediation", "show_case", ("mediation-cases",)),
}
MASKED = {
    *("id", "version", "status", "community", "cell"),
    *("lead_type", "kind", "urgency", "received_at"),
}
"""All that the database has of a lead for a neighbour."""


@pytest.fixture
async def reader(town: Town, request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    """A plain session of the reader of a service."""
    table = request.getfixturevalue("table") if "table" in request.fixturenames else "lead"
    service = TABLES[table][0]
    connection = await asyncpg.connect(town.settings.url(service, "reader"))
    yield connection
    await connection.close()


def scopes(town: Town, service: str, action: str) -> Callable[[Person], str]:
    """What a transaction of the reader is told of a person who does that."""
    running = town.running["leads"]
    if running is None:
        pytest.skip("the facts of services elsewhere are not ours to look into")
    context, rights = running.writer.context(), policy.read()[service][action].rights
    city = context.facts.city

    def setting(person: Person) -> str:
        seats = city.seats(person.id, context.now)
        return scope_of(rights, person.id, seats, city).setting

    return setting


@pytest.mark.parametrize("action", ["list_leads", "show_lead", "show_timeline", "show_content"])
async def test_the_database_has_for_a_neighbour_what_is_masked_and_no_more(
    town: Town, persons: Sequence[Person], things: Mapping[str, Thing], action: str, reader: Any
) -> None:
    scope, rights = scopes(town, "leads", action), may(action, "leads")
    thing, seen = things[NEAR], Counter[bool]()
    for person in persons:
        async with reader.transaction():
            await reader.execute(SET_SCOPE, scope(person))
            rows = await reader.fetch("SELECT * FROM neighbour_lead")
        found = {str(row["id"]): set(row.keys()) for row in rows}
        expected = is_near(rights.get(person.role, set()), person, thing)
        assert found.get(thing.id) == (MASKED if expected else None), person
        assert things["leads"].id not in found, person
        assert not await reader.fetch("SELECT * FROM neighbour_lead"), "no scope is left"
        seen[expected] += 1
    assert (seen[True] > 2) == (action in ("list_leads", "show_lead"))
    assert seen[False] > 2


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {table} SET version = version",
        "DELETE FROM {table}",
        "TRUNCATE {table}",
        "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
        "SELECT count(*) FROM event_default",
        "SET ROLE {service}_owner",
        "SET ROLE {service}_writer",
        "COPY {table} TO '/tmp/rows'",
        "SELECT pg_read_file('/etc/passwd')",
        "CREATE TABLE own (id int)",
    ],
)
async def test_the_reader_may_do_nothing_else(table: str, statement: str, reader: Any) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reader.execute(statement.format(table=table, service=TABLES[table][0]))


@pytest.mark.parametrize("table", TABLES)
async def test_a_session_that_failed_in_the_midst_keeps_no_scope(table: str, reader: Any) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with reader.transaction():
            await reader.execute(SET_SCOPE, '{"everything": true}')
            await reader.execute("SELECT 1 / 0")
    assert await reader.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_what_is_outside_is_answered_as_what_is_absent(
    town: Town, persons: Sequence[Person], things: Mapping[str, Thing]
) -> None:
    outside = next(
        one for one in persons if one.role == "town_operator" and one.area not in above(CELL)
    )
    there = town.of(outside.id)
    for kind, thing in things.items():
        answers: list[httpx.Response] = [
            await there.client.get(f"/{kind}/{id}") for id in (thing.id, str(uuid7()))
        ]
        first, second = ((one.status_code, one.json(), _told(one)) for one in answers)
        assert first == second and first[0] == 404


def _told(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "date"}


async def test_who_is_not_known_and_who_has_no_post_may_not(
    town: Town, things: Mapping[str, Thing]
) -> None:
    path = f"/leads/{things['leads'].id}"
    assert (await town.of(uuid4()).client.get(path)).status_code == 403
    answer = await town_without(town).client.get(path)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json()["code"] == "unauthorised"
