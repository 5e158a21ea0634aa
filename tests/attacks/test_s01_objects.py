"""S1: an id of something that is not theirs, wherever a caller can put one, finds nothing, and the
audit says that it was tried (row P17).

Ids in paths, of every route, role and relation: `tests/e2e/small_city/test_rights_matrix.py`.
"""

from __future__ import annotations

import random
import re
import statistics
import time
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Any, get_args
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import BaseModel

from cli.city import SERVICES
from libs.common.ids import named, uuid7
from tests.attacks.people import HELD, OFFICER, STRANGER
from tests.e2e.small_city.plan import CELL, COMMUNITY, PARENT, TOWN
from tests.e2e.small_city.test_audit import asked, rows
from tests.support.awaiting import eventually
from tests.support.routes import routes_of
from tests.support.town import Town, is_ok

PAIRS, ROUNDS = 40, 5
MOST_SECONDS = 0.005
THEIRS = next(code for (_, code), one in HELD.items() if one == STRANGER)
"""The community of the stranger."""
NOT_THERE = (404, "not_found")

TRIED = {
    *("capture_lead body /id", "capture_leads body /items/id", "apply body /id"),
    *("register_device body /id", "request_access body /id"),
    *("list_alerts query about", "list_cases query lead_id", "list_devices query account"),
}
"""Of all places of ids but paths, those where one that is not theirs must not be there; below."""
FREE = {
    "request_access body /record": "what they do not see is what a grant is asked for",
    "request_access body /case_id": "it says why, and is not looked up",
    "form_panel body /mediators": "persons, whom nobody looks up",
    "form_panel body /consents": "references that nobody looks up",
    "form_panel body /children/party": "references that nobody looks up",
    "form_panel body /children/guardian": "references that nobody looks up",
    "submit_batch body /issued_by": "a person, whom its source names",
    "file_request body /record": "a privacy officer's, who may name any",
    "appoint_person body /id": "of who sees everything",
    "appoint_person body /person_ref": "of who sees everything",
    "appoint_persons body /items/id": "of who sees everything",
    "appoint_persons body /items/person_ref": "of who sees everything",
    "open_account body /person_ref": "of who sees everything",
    "list_accounts query person_ref": "of who sees everything",
    "sign_in body /device": "of nobody yet: tests/integration/portal/test_devices.py",
    "sign_in_by_provider body /device": "of nobody yet: tests/integration/portal/test_devices.py",
    "sign_in_by_provider body /flow": "of nobody yet: tests/integration/portal/test_provider.py",
}


def places() -> Iterator[str]:
    """Of ids that callers put elsewhere than into a path or behind `after`, by the routes."""
    for route in chain.from_iterable(map(routes_of, SERVICES)):
        for one in route.dependant.query_params:
            kinds = (one.field_info.annotation, *get_args(one.field_info.annotation))
            if UUID in kinds and one.alias != "after":
                yield f"{route.name} query {one.alias}"
        for one in route.dependant.body_params:
            yield from (f"{route.name} body {path}" for path in _ids(one.field_info.annotation))


def _ids(kind: Any) -> Iterator[str]:
    """Where a body has ids, nested ones too."""
    if kind is UUID:
        yield ""
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            yield from (f"/{name}{path}" for path in _ids(field.annotation))
    else:
        yield from chain.from_iterable(map(_ids, get_args(kind)))


def test_every_place_of_an_id_is_tried_or_says_why_not() -> None:
    assert set(places()) == TRIED | FREE.keys()


def test_nothing_is_exported_or_attached() -> None:
    """Whoever adds such a route adds it here, with an id of something outside."""
    words = re.compile("export|attach|medium|media(?!t)|download|file")
    paths = [route.path for service in SERVICES for route in routes_of(service)]
    assert not [path for path in paths if words.search(path)]


async def outcome(town: Town, service: str, correlation: str) -> tuple[str, str | None]:
    """What the one row of audit says."""
    (row,) = await rows(town, service, correlation)
    return row["outcome"], row["code"]


DENIED = ("denied", "not_found")


@pytest.mark.parametrize("kind", ["theft", "gas_bottle"])
async def test_a_lead_of_another_account_is_not_there_for_who_would_make_it(
    town: Town, things: Mapping[str, str], kind: str
) -> None:
    body = {"id": things["leads"], "lead_type": kind, "cell": CELL}
    for person in (STRANGER, OFFICER):
        answer, at = await asked(town.of(person), "POST", "/leads", body)
        assert (answer.status_code, answer.json()["code"]) == NOT_THERE
        assert await outcome(town, "leads", at) == DENIED
        answer, at = await asked(town.of(person), "POST", "/leads/batch", {"items": [body]})
        (item,) = answer.json()["items"]
        assert (item["status"], item["problem"]["code"]) == NOT_THERE
        assert await outcome(town, "leads", at) == DENIED


async def test_a_case_of_elsewhere_is_not_there_for_who_would_open_it(town: Town) -> None:
    id, own = str(uuid7()), min(code for code in PARENT if code.startswith(THEIRS))
    made = await town.of(OFFICER).post("/mediation-cases", {"id": id, "cell": CELL})
    assert made.status_code == 201
    body = {"id": id, "cell": own}
    answer, at = await asked(town.of(STRANGER), "POST", "/mediation-cases", body)
    assert (answer.status_code, answer.json()["code"]) == NOT_THERE
    assert await outcome(town, "mediation", at) == DENIED


async def test_a_device_or_a_grant_of_somebody_else_is_not_there(town: Town) -> None:
    grant = {"record": str(uuid7()), "reason": "missing_person", "case_id": str(uuid7())}
    grant["text"] = "the child was last seen there"
    for path, more in (("/devices", {}), ("/break-glass", grant)):
        body = {"id": str(uuid7()), **more}
        first = partial(town.of(OFFICER).post, path, body)
        await eventually(first, lambda answer: answer.is_success)
        answer, at = await asked(town.of(STRANGER), "POST", path, body)
        assert (answer.status_code, answer.json()["code"]) == NOT_THERE, path
        assert await outcome(town, "portal", at) == DENIED


@pytest.mark.parametrize(
    ("service", "path", "name", "kind"),
    [
        ("alerts", "/alerts", "about", "leads"),
        ("mediation", "/mediation-cases", "lead_id", "leads"),
        ("portal", "/devices", "account", "account"),
    ],
)
async def test_an_id_in_a_query_that_finds_nothing_is_denied(
    town: Town, things: Mapping[str, str], service: str, path: str, name: str, kind: str
) -> None:
    """An empty list, as of what is absent; and the row says that nothing was seen of it."""
    account = str(named(f"account/{OFFICER}"))
    await town.of(OFFICER).post("/devices", {"id": str(uuid7())})
    there, found = town.of(STRANGER), []
    for id in ({**things, "account": account}[kind], str(uuid7())):
        answer, at = await asked(there, "GET", f"{path}?{name}={id}")
        found.append((answer.status_code, answer.json(), await outcome(town, service, at)))
        (row,) = await rows(town, service, at)
        assert row["ids"] == [UUID(id)]
    assert found == [(200, {"items": [], "next": None}, DENIED)] * 2


async def test_a_grant_of_somebody_else_in_a_header_is_denied(
    town: Town, things: Mapping[str, str]
) -> None:
    body: dict[str, Any] = {"id": str(uuid7()), "record": things["leads"], "emergency": True}
    body |= {"reason": "missing_person", "text": "the child was last seen there"}
    other = HELD["town_operator", PARENT[THEIRS]]
    made = await town.of(other).post("/break-glass", body | {"case_id": str(uuid7())})
    assert made.status_code == 201, made.text
    theirs = partial(
        asked, town.of(other), "GET", f"/leads/{things['leads']}", Civicgrid_Grant=body["id"]
    )
    await eventually(theirs, lambda found: is_ok(found[0]))
    path = f"/leads/{things['leads']}"
    answer, at = await asked(town.of(STRANGER), "GET", path, Civicgrid_Grant=body["id"])
    assert (answer.status_code, answer.json()["code"]) == NOT_THERE
    assert await outcome(town, "leads", at) == DENIED
    await town.of(other).post(f"/break-glass/{body['id']}/end")


@pytest.mark.parametrize(
    ("path", "name", "kind"),
    [
        ("/alerts", "about", "leads"),
        ("/mediation-cases", "lead_id", "leads"),
        ("/leads", "after", "leads"),
    ],
)
async def test_an_id_in_a_query_finds_nothing_outside(
    town: Town, things: Mapping[str, str], path: str, name: str, kind: str
) -> None:
    there = town.of(STRANGER)
    found, absent = [await there.get(path, **{name: id}) for id in (things[kind], uuid7())]
    assert found == absent == {"items": [], "next": None}


@pytest.mark.parametrize("query", [{"community": COMMUNITY}, {"unit": f"police_room-{COMMUNITY}"}])
async def test_a_code_in_a_query_widens_nothing(
    town: Town, things: Mapping[str, str], query: dict[str, str]
) -> None:
    assert (await town.of(STRANGER).get("/leads", **query))["items"] == []
    assert (await town.of(OFFICER).get("/leads", **query))["items"]


async def test_a_cell_in_a_body_is_as_one_that_is_not_there(town: Town) -> None:
    outside = await town.of(STRANGER).post("/mediation-cases", {"cell": CELL})
    assert (outside.status_code, outside.json()["code"]) == (404, "not_found")
    inside = await town.of(OFFICER).post("/mediation-cases", {"cell": CELL})
    assert inside.status_code == 201


async def test_a_key_of_somebody_else_gives_no_answer_of_theirs(town: Town) -> None:
    """Neither to who may not ask it, nor to who may: the same request is theirs who sent it."""
    key, body = str(uuid4()), {"cell": CELL}
    path = "/mediation-cases"
    first = await town.of(OFFICER).post(path, body, Idempotency_Key=key)
    again = await town.of(OFFICER).post(path, body, Idempotency_Key=key)
    assert first.status_code == 201 and again.json() == first.json()
    for person in (STRANGER, HELD["town_operator", TOWN]):
        other, at = await asked(town.of(person), "POST", path, body, Idempotency_Key=key)
        assert (other.status_code, other.json()["code"]) == NOT_THERE
        assert first.json()["id"] not in other.text
        assert await outcome(town, "mediation", at) == DENIED
    mine = await town.of(HELD["town_operator", TOWN]).post(path, body)
    assert mine.status_code == 201, "under a key of their own"


async def test_the_keys_of_a_batch_are_its_senders(town: Town) -> None:
    key, body = str(uuid4()), {"items": [{"lead_type": "gas_bottle", "cell": CELL}] * 2}
    first = await town.of(OFFICER).post("/leads/batch", body, Idempotency_Key=key)
    assert [one["status"] for one in first.json()["items"]] == [201, 201]
    path, told = "/leads/batch", {"Idempotency_Key": key}
    other, at = await asked(town.of(STRANGER), "POST", path, body, **told)
    assert [one["status"] for one in other.json()["items"]] == [404, 404]
    found = await rows(town, "leads", at)
    assert [(row["outcome"], row["code"]) for row in found] == [DENIED] * 2


async def test_what_somebody_else_asked_with_a_key_is_nobodys_business(town: Town) -> None:
    """A key that two clients happen to choose keeps neither from asking something else."""
    key = "1"
    for person, cell in ((OFFICER, CELL), (STRANGER, f"{THEIRS}0101")):
        body = {"lead_type": "gas_bottle", "cell": cell}
        answer = await town.of(person).post("/leads", body, Idempotency_Key=key)
        assert answer.status_code == 201, answer.text


async def test_a_key_of_another_scope_gives_no_answer_of_what_was_in_that(town: Town) -> None:
    """given: somebody of an office, who opened a case and declined it; when: they are at an office
    elsewhere, and send both again; then: neither is there, and the audit says so."""
    person, here = uuid4(), f"mediation_centre-{COMMUNITY}"
    held = await _seated(town, person, COMMUNITY, here)
    there, keys = town.of(person), [str(uuid4()), str(uuid4())]
    await eventually(partial(there.client.get, "/mediation-cases"), is_ok)
    apply = partial(
        asked, there, "POST", "/mediation-cases", {"cell": CELL}, Idempotency_Key=keys[0]
    )
    opened, _ = await apply()
    assert opened.status_code == 201, opened.text
    path, body = f"/mediation-cases/{opened.json()['id']}/decline", {"reason": "unfit"}
    decline = partial(asked, there, "POST", path, body, Idempotency_Key=keys[1])
    declined, _ = await decline()
    assert [(await again())[0].json() for again in (apply, decline)] == [
        opened.json(),
        declined.json(),
    ]
    assert (await town.post(f"/appointments/{held}/end", {})).status_code == 200
    await _seated(town, person, THEIRS, f"mediation_centre-{THEIRS}")
    shown = partial(there.client.get, f"/mediation-cases/{opened.json()['id']}")
    await eventually(shown, lambda answer: answer.status_code == 404)
    for again in (apply, decline):
        answer, at = await again()
        assert (answer.status_code, answer.json()["code"]) == NOT_THERE
        assert await outcome(town, "mediation", at) == DENIED


async def _seated(town: Town, person: UUID, area: str, office: str) -> str:
    post = {"code": f"post-{uuid4().hex[:8]}", "role": "mediation_staff", "area": area}
    await town.load([("/posts/batch", [post | {"organisation": office}])])
    put = await town.post("/appointments", {"post": post["code"], "person_ref": str(person)})
    assert put.status_code == 201, put.text
    return str(put.json()["id"])


async def test_what_left_the_scope_by_their_own_doing_is_answered_again(town: Town) -> None:
    """A phone that got no answer learns what came of what it sent."""
    lead, key = str(uuid7()), str(uuid4())
    await town.post("/leads", {"id": lead, "lead_type": "gas_bottle", "cell": CELL})
    unit = (await town.get(f"/leads/{lead}"))["unit"]
    person = uuid4()
    post = {"code": f"post-{uuid4().hex[:8]}", "role": "station_staff", "area": COMMUNITY}
    await town.load([("/posts/batch", [post | {"organisation": unit}])])
    await town.load([("/appointments/batch", [{"post": post["code"], "person_ref": str(person)}])])
    there, path = town.of(person), f"/leads/{lead}/return"
    await eventually(partial(there.client.get, f"/leads/{lead}"), is_ok)
    body = {"reason": "not_ours"}
    first = await there.post(path, body, Idempotency_Key=key)
    assert first.status_code == 200, first.text
    assert (await there.client.get(f"/leads/{lead}")).status_code == 404
    again = await there.post(path, body, Idempotency_Key=key)
    assert (again.status_code, again.json()) == (200, first.json())


async def test_a_batch_answers_each_by_what_they_may(town: Town, things: Mapping[str, str]) -> None:
    items = [
        {"id": things["leads"], "lead_type": kind, "cell": CELL} for kind in ("theft", "gas_bottle")
    ]
    answer = await town.of(STRANGER).post("/leads/batch", {"items": items})
    for item in answer.json()["items"]:
        assert not {"unit", "police_room", "version", "cell"} & item.keys(), item


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/leads/{leads}/sign", None),
        ("/leads/{leads}/return", {"reason": "not_ours"}),
        ("/alerts/{alerts}/acknowledge", None),
        ("/mediation-cases/{mediation-cases}/accept", {"grade": "simple"}),
    ],
)
async def test_an_expected_version_tells_absent_from_outside_no_more_than_none(
    town: Town, things: Mapping[str, str], path: str, body: object
) -> None:
    there = town.of(STRANGER)
    absent = dict.fromkeys(things, str(uuid7()))
    told = [
        await there.post(path.format_map(ids), body, If_Match='"999"') for ids in (things, absent)
    ]
    assert [answer.status_code for answer in told] == [404, 404]
    assert told[0].json() == told[1].json()


TIMED = {
    "a read": ("GET", "/leads/{leads}", None),
    "a read of alerts": ("GET", "/alerts/{alerts}", None),
    "a read of cases": ("GET", "/mediation-cases/{mediation-cases}", None),
    "a story": ("GET", "/leads/{leads}/timeline", None),
    "a list": ("GET", "/alerts?about={leads}", None),
    "a command": ("POST", "/leads/{leads}/sign", None),
    "a command with a body": ("POST", "/leads/{leads}/return", {"reason": "not_ours"}),
}


@pytest.mark.parametrize("what", TIMED)
async def test_absent_and_out_of_scope_take_the_same_time(
    town: Town, things: Mapping[str, str], what: str
) -> None:
    """Medians within 5 ms (row P17), of pairs whose two come right behind each other, either one
    first: what else this machine does meets both. It may part them in one round, not in each."""
    verb, path, body = TIMED[what]
    there = town.of(STRANGER).client
    apart = []
    for _ in range(ROUNDS):
        apart.append(await _apart(there, verb, path, body, things))
        if abs(apart[-1]) < MOST_SECONDS:
            return
    pytest.fail(f"medians are {apart} s apart")


async def _apart(
    there: httpx.AsyncClient, verb: str, path: str, body: Any, things: Mapping[str, str]
) -> float:
    """By how many seconds the median of what is outside is above that of what is absent; both are
    answered alike."""
    took: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(PAIRS):
        said = {}
        for is_there in random.sample((True, False), 2):
            ids = things if is_there else dict.fromkeys(things, str(uuid7()))
            begun = time.perf_counter()
            answer = await there.request(verb, path.format_map(ids), json=body)
            took[is_there].append(time.perf_counter() - begun)
            kept = {name: value for name, value in answer.headers.items() if name != "date"}
            said[is_there] = (answer.status_code, answer.content, kept)
        assert said[True] == said[False]
    return statistics.median(took[True]) - statistics.median(took[False])
