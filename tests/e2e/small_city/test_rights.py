"""Every role at every place, every route: what may be done, and what does not exist for whom.

What is expected is worked out here from the rights file and the plan of the city alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
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


GRID = ("grid_informant", "grid_head", "police_assistant")
OF_PERSONS = (
    *("list_posts", "list_requests", "show_request", "list_receipts"),
    *("list_accounts", "show_account", "list_break_glass", "show_break_glass"),
)
"""To grid workers there is none of these (row P4); others are told that they may not."""


def is_hidden(action: str, service: str, role: str) -> bool:
    rules = yaml.safe_load(policy.FILE.read_text())[service]
    hidden = any(rule.get("hidden") is True for rule in rules if action in rule["do"])
    return hidden or (action in OF_PERSONS and role in GRID)


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


@pytest.mark.parametrize(("service", "route"), ROUTES, ids=lambda one: getattr(one, "name", one))
async def test_a_route_answers_as_the_rights_file_says(
    town: Town,
    persons: Sequence[Person],
    things: Mapping[str, Thing],
    service: str,
    route: Any,
) -> None:
    rights, seen = may(route.name, service), Counter[str]()
    tried = list(_tried(route, things))
    for person, thing in product(persons, tried):
        as_person = town.of(person.id)
        status = await _status(as_person, route, thing.id if thing else str(uuid7()))
        relations = rights.get(person.role)
        if relations is None:
            never = 404 if is_hidden(route.name, service, person.role) else 403
            assert status == never, f"{person}: {status}"
            seen["never"] += 1
        elif thing and not (holds(relations, person, thing) or is_near(relations, person, thing)):
            assert status == 404, f"{person}: {status}"
            seen["not there"] += 1
        elif thing:
            assert status in (200, 412), f"{person}: {status}"
            seen["may"] += 1
        else:
            assert status not in (401, 403), f"{person}: {status}"
    assert sum(seen.values()) == len(persons) * len(tried) or tried == [None]
    assert await _status(town_without(town), route, str(uuid7())) == 401


def _tried(route: Any, things: Mapping[str, Thing]) -> Iterator[Thing | None]:
    """What a route is tried with; None where it names nothing of which there is a thing here."""
    kind = route.path.split("/")[1]
    if "{id}" not in route.path or kind not in things:
        yield None
        return
    yield things[kind]
    if kind == "leads":
        yield things[NEAR]


def town_without(town: Town) -> Town:
    """The same, as nobody."""
    there = town.of(uuid4())
    there.client.auth = None  # type: ignore[assignment]
    return there


async def _status(town: Town, route: Any, id: str) -> int:
    """At a version that nothing has, so that nothing changes; reads as they are."""
    path = route.path.format(id=id, code="x", scheme="x", subject="x", rule_set=1, year=2026)
    verb = next(iter(route.methods))
    body = VALID.get(route.name, {} if verb != "GET" else None)
    if verb != "GET" and "{id}" in path and route.name not in VALID:
        body = None
    told = {"If-Match": '"999"', "Civicgrid-Purpose": "handle_leads", "Civicgrid-Case": id}
    answer = await town.client.request(verb, path, json=body, headers=told)
    return answer.status_code


LISTS = {
    "leads": ("leads", "list_leads", "/leads"),
    NEAR: ("leads", "list_leads", "/leads"),
    "alerts": ("alerts", "list_alerts", "/alerts"),
    "mediation-cases": ("mediation", "list_cases", "/mediation-cases"),
}


@pytest.mark.parametrize("kind", LISTS)
async def test_a_list_holds_what_is_in_scope_and_no_more(
    town: Town, persons: Sequence[Person], things: Mapping[str, Thing], kind: str
) -> None:
    service, action, path = LISTS[kind]
    rights, seen = may(action, service), Counter[bool]()
    for person in persons:
        if person.role in rights:
            found = await _all(town.of(person.id), path)
            expected = holds(rights[person.role], person, things[kind])
            assert (things[kind].id in found) == expected, person
            seen[expected] += 1
    assert seen[True] > 2 and seen[False] > 2


async def test_a_list_of_what_is_near_holds_what_is_seen_masked_and_no_more(
    town: Town, persons: Sequence[Person], things: Mapping[str, Thing]
) -> None:
    rights, thing, seen = may("list_leads", "leads"), things[NEAR], Counter[bool]()
    for person in persons:
        if relations := rights.get(person.role):
            found = await _all(town.of(person.id), "/leads", neighbours=True)
            expected = is_near(relations, person, thing) and not holds(relations, person, thing)
            assert (thing.id in found) == expected, person
            assert things["leads"].id not in found, person
            seen[expected] += 1
    assert seen[True] > 2 and seen[False] > 2


async def _all(town: Town, path: str, **query: Any) -> set[str]:
    found: set[str] = set()
    after = None
    while True:
        query |= {"limit": 200} | ({"after": after} if after else {})
        page = await town.get(path, **query)
        found |= {one["id"] for one in page["items"]}
        if (after := page["next"]) is None:
            return found


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


@pytest.mark.parametrize("table", TABLES)
async def test_the_database_shows_no_row_outside_the_scope_whatever_is_asked(
    town: Town, persons: Sequence[Person], things: Mapping[str, Thing], table: str, reader: Any
) -> None:
    service, action, kinds = TABLES[table]
    scope, expected_rights = scopes(town, service, action), may(action, service)
    for person, thing in product(persons, [things[kind] for kind in kinds]):
        async with reader.transaction():
            await reader.execute(SET_SCOPE, scope(person))
            found = {str(row["id"]) for row in await reader.fetch(f"SELECT id FROM {table}")}
            events = await reader.fetchval(
                "SELECT count(*) FROM event WHERE stream_id = $1", UUID(thing.id)
            )
        expected = holds(expected_rights.get(person.role, set()), person, thing)
        assert (thing.id in found) == expected, person
        assert not events or expected, person
        assert await reader.fetchval(f"SELECT count(*) FROM {table}") == 0, "no scope is left"


def scopes(town: Town, service: str, action: str) -> Callable[[Person], str]:
    """What a transaction of the reader is told of a person who does that."""
    running = town.running["leads"]
    if running is None:
        pytest.skip("the facts of services elsewhere are not ours to look into")
    context, rights = running.writer.context(), policy.read()[service][action].rights
    city = context.facts.city

    def setting(person: Person) -> str:
        seats = city.seats(person.id, context.now)
        return scope_of(rights, person.id, seats, city).setting()

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


async def test_a_post_that_ended_or_has_not_begun_gives_nothing(
    town: Town, things: Mapping[str, Thing]
) -> None:
    past, future = uuid4(), uuid4()
    posts = [
        {"code": f"auxiliary_officer-{COMMUNITY}-{name}", "role": "auxiliary_officer"}
        | {"area": COMMUNITY, "organisation": f"police_room-{COMMUNITY}"}
        for name in ("past", "future")
    ]
    await town.load([("/posts/batch", posts)])
    held = {"post": posts[0]["code"], "person_ref": str(past)}
    id = (await town.post("/appointments", held)).json()["id"]
    path, there = f"/leads/{things['leads'].id}", town.of(past)
    await eventually(partial(there.client.get, path), lambda answer: answer.status_code == 200)
    ended = await town.post(f"/appointments/{id}/end", {})
    assert ended.status_code == 200, ended.text
    await eventually(partial(there.client.get, path), lambda answer: answer.status_code == 403)
    held = {"post": posts[1]["code"], "person_ref": str(future)}
    await town.post("/appointments", held | {"valid_from": "2199-01-01T00:00:00Z"})
    await town.spread()
    assert (await town.of(future).client.get(path)).status_code == 403


async def test_who_is_not_known_and_who_has_no_post_may_not(
    town: Town, things: Mapping[str, Thing]
) -> None:
    path = f"/leads/{things['leads'].id}"
    assert (await town.of(uuid4()).client.get(path)).status_code == 403
    answer = await town_without(town).client.get(path)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json()["code"] == "unauthorised"
