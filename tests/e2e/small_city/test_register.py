"""The register of fields held against the databases and the answers of a city at work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import asyncpg
import pytest

from cli.city import SERVICES
from libs.common.ids import uuid7
from libs.privacy import register
from libs.privacy.forbidden import why_not
from services.scoring.schemes import SCHEMES
from tests.e2e.small_city.test_leads import first_cell
from tests.e2e.small_city.test_mediation import cases_of
from tests.support import fields
from tests.support.awaiting import eventually
from tests.support.fields import Places
from tests.support.routes import routes_of
from tests.support.town import Town

REGISTER = register.registered()
ASKED = {"/areas/locate": {"lat": "36.0", "lon": "119.4"}}
OF_ONESELF = {"account", "person_ref", "founder", "session", "posts", "role", "organisation"}
"""What `/me` answers, which needs an account: `tests/integration/test_sign_in.py` opens some."""
OF_A_BATCH = {"count"}
"""What `/shared-batches` answers once somebody submitted one, as `test_sharing_sight.py` does."""
OF_A_NEIGHBOUR = {"masked"}
"""What `/leads` answers to police beside a border, as `test_neighbours.py` asks."""
DATABASES = ("keys", *(service.name for service in SERVICES))


@pytest.fixture(scope="module")
async def columns(town: Town) -> Places:
    found: dict[str, set[str]] = {}
    for name in DATABASES:
        connection = await asyncpg.connect(town.settings.url(name, "owner"))
        rows = await connection.fetch(fields.COLUMNS)
        await connection.close()
        found |= fields.of_table(name, [tuple(row) for row in rows])
    return found


@pytest.fixture(scope="module")
async def answers(town: Town) -> Places:
    """Of every read that needs no more than what the city has once a quarrel was reported."""
    lead = str(uuid7())
    cell = (await first_cell(town))["code"]
    await town.post("/leads", {"id": lead, "lead_type": "neighbour_quarrel", "cell": cell})
    case = (await eventually(partial(cases_of, town, lead), bool))[0]
    alert = (await eventually(partial(_alerts, town), bool))[0]
    ids = {"leads": lead, "mediation-cases": case["id"], "alerts": alert["id"]}
    ids["schemes"] = next(iter(SCHEMES))
    found: defaultdict[str, set[str]] = defaultdict(set)
    for service in SERVICES:
        for route in routes_of(service):
            if "GET" in (route.methods or ()):
                kind = route.path.split("/")[1]
                path = route.path.format(
                    id=ids.get(kind), code=cell, scheme="x", subject="x", rule_set=1, year=2026
                )
                answer = await town.client.get(path, params=ASKED.get(path))
                if answer.status_code == 200:
                    found[f"answer {service.name}"] |= set(_names(answer.json()))
    return found


async def _alerts(town: Town) -> Any:
    return (await town.get("/alerts"))["items"]


def _names(told: Any) -> Iterator[str]:
    """Of members of objects, but of what an event or a geometry holds, which has its own entry."""
    if isinstance(told, dict):
        for name, value in told.items():
            yield name
            if name not in ("data", "polygon"):
                yield from _names(value)
    if isinstance(told, list):
        for one in told:
            yield from _names(one)


async def test_every_column_is_registered_once(columns: Places) -> None:
    missing = _unregistered(columns)
    assert not missing, "\n".join(missing)
    assert len(columns) > 60


async def test_no_column_names_what_must_not_exist(columns: Places) -> None:
    found = {name for place, names in columns.items() for name in (*names, place)}
    assert [name for name in found if why_not(name)] == []


async def test_what_is_answered_is_registered(answers: Places) -> None:
    missing = [one for one in _unregistered(answers) if not one.endswith("twice")]
    assert not missing, "\n".join(missing)
    assert len(answers) == len(SERVICES)


async def test_no_entry_is_without_a_field(columns: Places, answers: Places) -> None:
    answers["answer portal"].update(OF_ONESELF)
    answers["answer registry"].update(OF_A_BATCH)
    answers["answer leads"].update(OF_A_NEIGHBOUR)
    places = {**fields.of_code(SERVICES), **columns, **answers}
    empty = [
        f"{held.owner} {held.at[0]}: {name}"
        for held in REGISTER.holdings
        for names in held.fields.values()
        for name in names
        if not any(name in places[place] for place in _places(held, places))
    ]
    idle = [
        pattern
        for held in REGISTER.holdings
        for pattern in held.at
        if not any(fnmatchcase(place, pattern) for place in places)
    ]
    assert not empty and not idle, "\n".join([*empty, *idle])


def _places(held: register.Holding, places: Places) -> Iterator[str]:
    return (place for place in places if any(fnmatchcase(place, one) for one in held.at))


def _unregistered(places: Places) -> list[str]:
    counts = {
        f"{place} {name}": len(REGISTER.classes_of(place, name))
        for place, names in places.items()
        for name in names
    }
    return [f"{name}: {n and 'twice'}" for name, n in sorted(counts.items()) if n != 1]
