"""Access in an emergency: one record or one area, for half an hour, with another's leave; and the
twelve tries to get more than that (row P6)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from libs.common.ids import named, uuid7
from services.registry import reference
from tests.support.awaiting import eventually
from tests.support.town import PLAN, SEED, Town, is_ok

TOWN, HERE, THERE = "370782001", "370782001001", "370782002001"
"""A town, a community of it, and a community of the other town."""
CELL, OTHER_CELL = f"{THERE}0101", f"{THERE}0202"
COMMANDER = reference.commander(PLAN, SEED)
TEXT = "a planted reason: the child was last seen there"
NEW_POSTS = {
    **{f"glass-officer-{n}": ("auxiliary_officer", HERE, f"police_room-{HERE}") for n in range(16)},
    **{f"glass-town-{n}": ("town_operator", TOWN, f"town_centre-{TOWN}") for n in range(4)},
    **{f"glass-centre-{n}": ("command_operator", "370782", None) for n in range(2)},
    **{f"glass-privacy-{n}": ("privacy_officer", "370782", None) for n in range(2)},
    "glass-there": ("auxiliary_officer", THERE, f"police_room-{THERE}"),
}


@dataclass
class Stage:
    """Who is there, each in one test, and what is there to see."""

    town: Town
    officers: list[UUID]
    operators: list[UUID]
    centre: list[UUID]
    privacy: list[UUID]
    there: UUID
    lead: str
    other_lead: str

    async def request(self, person: UUID, **more: Any) -> httpx.Response:
        body: dict[str, Any] = {"id": str(uuid7()), "reason": "missing_person", "text": TEXT}
        body |= {"case_id": str(uuid7())} | more
        return await self.town.of(person).post("/break-glass", body)

    async def requested(self, person: UUID, **more: Any) -> str:
        answer = await self.request(person, **more)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def step(self, person: UUID, grant: str, step: str, body: Any = None) -> httpx.Response:
        return await self.town.of(person).post(f"/break-glass/{grant}/{step}", body)

    async def granted(self, person: UUID, **more: Any) -> str:
        """By the command centre, and known to the service of leads."""
        grant = await self.requested(person, **more)
        answer = await self.step(COMMANDER, grant, "approve")
        assert answer.status_code == 200, answer.text
        await eventually(partial(self.under, person, grant, "/leads"), is_ok)
        return grant

    async def under(self, person: UUID, grant: str, path: str) -> httpx.Response:
        headers = {"Civicgrid-Grant": grant}
        return await self.town.of(person).client.get(path, headers=headers)

    async def shown(self, grant: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = await self.town.of(COMMANDER).get(f"/break-glass/{grant}")
        return found


@pytest.fixture(scope="module")
async def stage(town: Town) -> Stage:
    persons: dict[str, UUID] = {name: uuid4() for name in NEW_POSTS}
    persons["glass-privacy-1"] = persons["glass-town-3"]
    posts = [
        {"code": code, "role": role, "area": area, "organisation": office}
        for code, (role, area, office) in NEW_POSTS.items()
    ]
    await town.load([("/posts/batch", posts)])
    held = [{"post": code, "person_ref": str(person)} for code, person in persons.items()]
    await town.load([("/appointments/batch", held)])
    leads = [str(uuid7()), str(uuid7())]
    for id, cell in zip(leads, (CELL, OTHER_CELL), strict=True):
        await town.post("/leads", {"id": id, "lead_type": "theft", "cell": cell})
    await town.spread()
    for code, person in persons.items():
        reads = ["/break-glass"] if "privacy" in code else ["/break-glass", "/leads", "/alerts"]
        for path in reads:
            await eventually(partial(town.of(person).client.get, path), is_ok)
    officers, operators, centre, privacy = (
        [persons[code] for code in NEW_POSTS if code.startswith(f"glass-{name}")]
        for name in ("officer", "town", "centre", "privacy")
    )
    return Stage(town, officers, operators, centre, privacy, persons["glass-there"], *leads)


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


NOT_THERE = (404, "not_found")


async def test_a_record_is_seen_under_a_grant_and_by_nobody_else(stage: Stage) -> None:
    person, path = stage.officers.pop(), f"/leads/{stage.lead}"
    assert told(await stage.town.of(person).client.get(path)) == NOT_THERE
    grant = await stage.granted(person, record=stage.lead)
    for part in ("", "/timeline", "/routing"):
        assert (await stage.under(person, grant, path + part)).status_code == 200
    assert told(await stage.town.of(person).client.get(path)) == NOT_THERE, "it must be named"
    assert told(await stage.under(stage.officers[0], grant, path)) == NOT_THERE, "by whose it is"
    here = f"/leads?limit=1&after={UUID(int=UUID(stage.lead).int - 1)}"
    listed = (await stage.under(person, grant, here)).json()["items"]
    assert [one["id"] for one in listed] == [stage.lead]
    signed = await stage.town.of(person).post(f"{path}/sign", Civicgrid_Grant=grant)
    assert told(signed) == NOT_THERE, "it lets read, not act"


async def test_an_area_is_seen_in_every_service_that_keeps_records_of_places(stage: Stage) -> None:
    person = stage.officers.pop()
    quarrel = {"id": str(uuid7()), "lead_type": "neighbour_quarrel", "cell": CELL}
    await stage.town.post("/leads", quarrel)
    grant = await stage.granted(person, area=CELL)
    about = partial(stage.under, person, grant, f"/alerts?about={quarrel['id']}")
    await eventually(about, lambda answer: is_ok(answer) and bool(answer.json()["items"]))
    assert (await stage.under(person, grant, f"/leads/{quarrel['id']}")).status_code == 200


async def test_whoever_asked_must_say_why_and_for_what(stage: Stage) -> None:
    person = stage.officers[0]
    for wrong in (
        {"record": stage.lead, "text": " " * 20},
        {"record": stage.lead, "text": None},
        {"record": stage.lead, "reason": None},
        {"record": stage.lead, "reason": "curious"},
        {"record": stage.lead, "case_id": None},
        {"record": stage.lead, "area": CELL},
        {"record": [stage.lead, stage.other_lead]},
        {"area": [CELL, OTHER_CELL]},
        {},
        {"record": stage.lead, "minutes": 0},
        {"record": stage.lead, "minutes": 31},
        {"record": stage.lead, "minutes": 31, "emergency": True},
        {"area": "nowhere"},
    ):
        assert (await stage.request(person, **wrong)).status_code == 422, wrong
    answer = await stage.town.of(person).client.get("/leads", headers={"Civicgrid-Grant": "mine"})
    assert told(answer) == (400, "invalid_header")


async def test_grid_workers_and_founders_have_no_such_access(stage: Stage) -> None:
    seats = {
        body["post"]: UUID(body["person_ref"])
        for route, bodies in reference.batches(PLAN, SEED)
        for body in bodies
        if route == "/appointments/batch"
    }
    worker = seats[f"grid_informant-{HERE}0101-1"]
    assert told(await stage.request(worker, record=stage.lead)) == (403, "role_not_allowed")
    founder = stage.town.of(uuid4(), founder=True)
    assert told(await founder.post("/break-glass", {})) == (403, "role_not_allowed")


async def test_the_reason_is_kept_sealed_and_shown_to_whoever_decides(stage: Stage) -> None:
    person = stage.officers.pop()
    grant = await stage.requested(person, record=stage.lead)
    assert (await stage.shown(grant))["text"] == TEXT
    for column, table in (("data", "event"), ("sealed", "event"), ("state", "break_glass")):
        rows = await stage.town.rows("portal", f"SELECT {column}::text FROM {table}")
        assert rows and not [row for row in rows if TEXT in str(row)]


async def test_an_emergency_is_granted_at_once_and_no_other_before_it_is_approved(
    stage: Stage,
) -> None:
    person, privacy = stage.officers.pop(), stage.privacy[0]
    grant = await stage.requested(person, record=stage.lead, emergency=True)
    shown = await stage.shown(grant)
    assert (shown["status"], shown["approved_by"]) == ("granted", None)
    assert (await stage.step(person, grant, "end")).status_code == 200
    again = partial(stage.request, person, record=stage.lead, emergency=True)
    assert told(await again()) == (409, "approval_owed")
    assert (await stage.step(COMMANDER, grant, "approve")).status_code == 200
    assert (await again()).status_code == 201
    note = {"finding": "in_order", "note": "seen by two of us"}
    assert told(await stage.step(COMMANDER, grant, "review", note)) == (403, "role_not_allowed")
    assert (await stage.step(privacy, grant, "review", note)).status_code == 200
    assert (await stage.shown(grant))["status"] == "reviewed"


async def test_the_privacy_officer_is_told_at_once_until_it_is_reviewed(stage: Stage) -> None:
    person, privacy = stage.officers.pop(), stage.town.of(stage.privacy[0])
    grant = await stage.requested(person, record=stage.lead, emergency=True)

    async def alerts() -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await privacy.get("/notifications", limit=200))["items"]
        return [one for one in items if one["about"] == grant]

    (alert,) = await eventually(alerts, bool)
    assert (alert["rule"], alert["status"]) == ("break-glass-granted", "unacknowledged")
    assert (await privacy.get(f"/alerts/{alert['id']}"))["about"] == grant
    assert (await privacy.post(f"/alerts/{alert['id']}/acknowledge")).status_code == 200
    assert (await stage.step(person, grant, "end")).status_code == 200
    assert (await stage.step(COMMANDER, grant, "approve")).status_code == 200
    finding = {"finding": "in_order", "note": "seen by two of us"}
    reviewed = await stage.step(stage.privacy[0], grant, "review", finding)
    assert reviewed.status_code == 200, reviewed.text
    await eventually(alerts, lambda found: found[0]["status"] == "normal")


async def test_no_own_request_is_approved(stage: Stage) -> None:
    for person, more in (
        (stage.operators[0], {"area": f"{HERE}0101"}),
        (stage.centre[0], {"record": stage.lead}),
    ):
        grant = await stage.requested(person, **more)
        for step in ("approve", "refuse"):
            assert told(await stage.step(person, grant, step)) == (409, "own_request")
        assert (await stage.step(COMMANDER, grant, "refuse")).status_code == 200
        assert told(await stage.step(COMMANDER, grant, "approve")) == (409, "illegal_transition")
    person = stage.centre[1]
    urgent = await stage.requested(person, record=stage.lead, emergency=True)
    assert told(await stage.step(person, urgent, "approve")) == (409, "own_request")
    assert (await stage.step(person, urgent, "end")).status_code == 200
    assert told(await stage.step(person, urgent, "approve")) == (409, "own_request")


async def test_no_request_is_approved_from_below_nor_by_who_does_not_have_it(stage: Stage) -> None:
    above = await stage.requested(stage.centre[0], area=f"{HERE}0101")
    assert told(await stage.step(stage.operators[0], above, "approve")) == NOT_THERE
    assert told(await stage.step(stage.officers[0], above, "approve")) == (403, "role_not_allowed")
    elsewhere = await stage.requested(stage.officers[0], area=CELL)
    assert told(await stage.step(stage.operators[0], elsewhere, "approve")) == NOT_THERE
    record = await stage.requested(stage.officers[0], record=stage.lead)
    assert told(await stage.step(stage.operators[0], record, "approve")) == NOT_THERE
    person = stage.officers.pop()
    at_home = await stage.requested(person, area=f"{TOWN}002")
    assert (await stage.step(stage.operators[0], at_home, "approve")).status_code == 200


async def test_a_privacy_officer_reviews_what_others_did_and_nothing_else(stage: Stage) -> None:
    """Nor does the post add to another of theirs: an operator of a town, who is one besides, still
    gives no more than what the town has, and reviews nothing of what they gave."""
    privacy, both, person = stage.privacy[0], stage.operators[3], stage.officers.pop()
    grant = await stage.requested(person, record=stage.lead)
    for step in ("approve", "refuse", "end"):
        assert told(await stage.step(privacy, grant, step)) == (403, "role_not_allowed")
    assert told(await stage.request(privacy, record=stage.lead)) == (403, "role_not_allowed")
    assert told(await stage.step(both, grant, "approve")) == NOT_THERE
    at_home = await stage.requested(person, area=f"{HERE}0101")
    assert (await stage.step(both, at_home, "approve")).status_code == 200
    assert (await stage.step(person, at_home, "end")).status_code == 200
    note = {"finding": "in_order", "note": "seen by two of us"}
    assert told(await stage.step(both, at_home, "review", note)) == (409, "own_request")
    assert (await stage.step(privacy, at_home, "review", note)).status_code == 200


async def test_no_grant_is_extended(stage: Stage) -> None:
    person = stage.officers.pop()
    body = {"record": stage.lead, "id": str(uuid7()), "minutes": 5}
    body |= {"case_id": str(uuid7())}
    grant = await stage.granted(person, **body)
    end = (await stage.shown(grant))["ends_at"]
    assert told(await stage.step(COMMANDER, grant, "approve")) == (409, "illegal_transition")
    longer = await stage.request(person, **body | {"minutes": 30})
    assert told(longer) == (409, "idempotency_conflict")
    client = stage.town.of(person).client
    for verb in ("PUT", "PATCH"):
        answer = await client.request(verb, f"/break-glass/{grant}", json={"minutes": 30})
        assert answer.status_code == 405
    assert (await stage.shown(grant))["ends_at"] == end


async def test_no_grant_is_used_again_nor_after_its_end(stage: Stage) -> None:
    person = stage.officers.pop()
    body = {"record": stage.lead, "id": str(uuid7()), "case_id": str(uuid7())}
    grant = await stage.granted(person, **body)
    seen = partial(stage.under, person, grant, f"/leads/{stage.lead}")
    assert (await seen()).status_code == 200
    assert (await stage.step(person, grant, "end")).status_code == 200
    begun = time.monotonic()
    await eventually(seen, lambda answer: told(answer) == NOT_THERE if answer.is_error else False)
    assert time.monotonic() - begun < 5
    again = await stage.request(person, **body)
    assert again.status_code == 200, "the first answer, and nothing else"
    assert (await stage.shown(grant))["status"] == "ended"
    for step in ("approve", "end"):
        assert told(await stage.step(COMMANDER, grant, step)) == (409, "illegal_transition")
    assert told(await seen()) == NOT_THERE


async def test_no_other_record_is_seen(stage: Stage) -> None:
    person = stage.officers.pop()
    grant = await stage.granted(person, record=stage.lead)
    for path in (f"/leads/{stage.other_lead}", f"/leads/{stage.other_lead}/timeline"):
        assert told(await stage.under(person, grant, path)) == NOT_THERE
    listed = (await stage.under(person, grant, "/leads?limit=200")).json()["items"]
    assert stage.other_lead not in {one["id"] for one in listed}


async def test_no_wider_area_is_seen_or_asked_for(stage: Stage) -> None:
    person = stage.officers.pop()
    grant = await stage.granted(person, area=CELL)
    assert (await stage.under(person, grant, f"/leads/{stage.lead}")).status_code == 200
    assert told(await stage.under(person, grant, f"/leads/{stage.other_lead}")) == NOT_THERE
    for area in (TOWN, "370782"):
        answer = await stage.request(person, area=area)
        assert told(answer) == (422, "area_too_wide")


async def test_nothing_is_dated_back_by_who_asks(stage: Stage) -> None:
    for field in ("at", "requested_at", "granted_at", "ends_at", "approved_by", "status"):
        answer = await stage.request(stage.officers[0], record=stage.lead, **{field: "2026-01-01"})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["path"] == f"/{field}"


async def test_no_review_is_deleted_or_changed(stage: Stage) -> None:
    person = stage.officers.pop()
    grant = await stage.granted(person, record=stage.lead)
    note = {"finding": "not_in_order", "note": "nobody was missing"}
    early = await stage.step(stage.privacy[0], grant, "review", note)
    assert told(early) == (409, "illegal_transition")
    await stage.step(person, grant, "end")
    assert told(await stage.step(person, grant, "review", note)) == (403, "role_not_allowed")
    assert (await stage.step(stage.privacy[0], grant, "review", note)).status_code == 200
    other = note | {"finding": "in_order"}
    again = await stage.step(stage.privacy[0], grant, "review", other)
    assert told(again) == (409, "illegal_transition")
    for path in (f"/break-glass/{grant}", f"/break-glass/{grant}/review"):
        assert (await stage.town.client.delete(path)).status_code == 405
    assert (await stage.shown(grant))["finding"] == "not_in_order"


async def test_no_grant_is_given_under_a_grant(stage: Stage) -> None:
    operator = stage.operators[1]
    grant = await stage.granted(operator, area=THERE)
    below = await stage.requested(stage.there, area=CELL)
    headers = {"Civicgrid_Grant": grant}
    path = f"/break-glass/{below}"
    approved = await stage.town.of(operator).post(f"{path}/approve", **headers)
    assert told(approved) == NOT_THERE
    assert told(await stage.under(operator, grant, path)) == NOT_THERE


async def test_no_disabled_approver_approves(stage: Stage) -> None:
    operator, person = stage.operators[2], stage.officers.pop()
    grant = await stage.requested(person, area=f"{HERE}0101")
    body = {"name": f"n{uuid4().hex[:12]}", "person_ref": str(operator)}
    account = (await stage.town.post("/accounts", body)).json()["id"]
    assert UUID(account) == named(f"account/{operator}")
    assert (await stage.town.post(f"/accounts/{account}/disable")).status_code == 200
    listed = partial(stage.town.of(operator).client.get, "/break-glass")
    await eventually(listed, lambda answer: answer.status_code == 401, within=5)
    assert (await stage.step(operator, grant, "approve")).status_code == 401
    assert (await stage.shown(grant))["status"] == "requested"


async def test_no_two_grants_are_in_force_at_once(stage: Stage) -> None:
    person = stage.officers.pop()
    first, second = [await stage.requested(person, record=stage.lead) for _ in range(2)]
    assert (await stage.step(COMMANDER, first, "approve")).status_code == 200
    assert told(await stage.step(COMMANDER, second, "approve")) == (409, "access_open")
    emergency = partial(stage.request, person, record=stage.lead, emergency=True)
    assert told(await emergency()) == (409, "access_open")
    other = stage.officers.pop()
    asks: list[Callable[[], Awaitable[httpx.Response]]] = [
        partial(stage.request, other, record=stage.lead, emergency=True) for _ in range(20)
    ]
    answers = await asyncio.gather(*(ask() for ask in asks))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 19]
