"""Who is erased is read by nobody, in no service; everybody else is, and no lead is lost."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from cli.city import SERVICES
from libs.common import erasures
from libs.common.contracts.registry import SubjectErased
from libs.common.database import session
from libs.common.dead_letters import subject_of
from libs.common.ids import uuid7
from libs.common.journal import party_of
from libs.common.keys import Keys, unseal
from libs.common.messages import Cause, Context, Due, Instruction, SetTimer
from libs.common.work import Work
from libs.privacy import erasing
from services.portal.door import NAMES
from services.registry import subjects
from services.registry.domain.subject_request import CONFIRMING, SUBJECT_REQUEST, FallOverdue
from tests.e2e.small_city.test_leads import first_cell
from tests.support.awaiting import eventually
from tests.support.checks import check_states
from tests.support.town import Town

_AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
CONFIRMED = "subject_erasure.confirmed.v1"
LEADS = next(service for service in SERVICES if service.name == "leads")


async def captured(town: Town, reporter: Any = None) -> str:
    """A lead with a text, and somebody who reported it."""
    id, cell = str(uuid7()), (await first_cell(town))["code"]
    about = {"text": "what was seen", "reporter": reporter or {"name": "Li Lei"}}
    answer = await town.post("/leads", {"id": id, "lead_type": "theft", "cell": cell, **about})
    assert answer.status_code == 201, answer.text
    return id


async def readable(town: Town, lead: str) -> dict[str, Any]:
    """All that the keys there are still open of it."""
    query = "SELECT sealed FROM event WHERE stream_id = $1 AND sealed IS NOT NULL"
    found: dict[str, Any] = {}
    async with asyncpg.create_pool(town.settings.url("keys", "writer"), min_size=1) as pool:
        for row in await town.rows("leads", query, UUID(lead)):
            for subject, content in json.loads(row["sealed"]).items():
                id = UUID(subject)
                for key in (await Keys(pool).get([id])).values():
                    found |= unseal(key, id, content)
    return found


async def erase(town: Town, record: str, party: str | None = None) -> str:
    """Its subject, once every service has confirmed."""
    privacy = town.privacy
    filed = await privacy.post("/subject-requests", {"record": record, "party": party})
    assert filed.status_code == 201, filed.text
    path = f"/subject-requests/{filed.json()['id']}"
    decided = await privacy.post(f"{path}/decide", {"granted": True, "reason": "asked_for"})
    assert decided.status_code == 200, decided.text
    carried = await privacy.post(f"{path}/carry-out")
    assert carried.status_code == 200, carried.text
    await eventually(partial(privacy.get, path), lambda found: found["status"] == "confirmed")
    return str(filed.json()["id"])


async def test_who_reported_is_erased_and_what_was_said_stays(town: Town) -> None:
    lead, other = await captured(town), await captured(town)
    await erase(town, lead, "reporter")
    assert await readable(town, lead) == {"text": "what was seen"}
    assert (await readable(town, other))["reporter"] == {"name": "Li Lei"}


async def test_a_lead_is_erased_and_goes_its_way(town: Town) -> None:
    lead = await captured(town)
    subject = await erase(town, lead)
    assert subject == lead and await readable(town, lead) == {}
    for step in ("sign", "accept"):
        assert (await town.post(f"/leads/{lead}/{step}")).status_code == 200
    again = await town.privacy.post(f"/subject-requests/{lead}/carry-out")
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")
    for service in SERVICES:
        journal = "SELECT count(*) AS n FROM event WHERE type = $1 AND stream_id = $2"
        told = await town.rows(service.name, journal, CONFIRMED, erasures.erasure_id(UUID(lead)))
        assert told[0]["n"] == 1, service.name
    await check_states(town.settings, LEADS)


async def test_what_is_said_of_an_erased_lead_later_is_not_kept(town: Town) -> None:
    """A key is never made anew."""
    id, cell = str(uuid7()), (await first_cell(town))["code"]
    await town.post("/leads", {"id": id, "lead_type": "street_light", "cell": cell})
    await erase(town, id)
    room = (await town.get(f"/leads/{id}"))["police_room"]
    await town.post(f"/leads/{id}/return", {"reason": "not_ours"})
    routed = await town.post(f"/leads/{id}/route", {"unit": room, "reason": "somebody said so"})
    assert routed.status_code == 200, routed.text
    query = "SELECT count(*) AS n FROM event WHERE stream_id = $1 AND sealed IS NOT NULL"
    assert (await town.rows("leads", query, UUID(id)))[0]["n"] == 0


async def test_an_erasure_says_whether_there_was_any_content(town: Town) -> None:
    """given: a lead with a text, and an id that nobody knows; when: both are erased; then: each
    service confirms both, and of the second it is said that there was nothing."""
    for record, had_content in ((await captured(town), True), (str(uuid7()), False)):
        path = f"/subject-requests/{await erase(town, record)}"
        assert (await town.privacy.get(path))["had_content"] is had_content


@pytest.mark.parametrize("party", [None, "reporter"])
async def test_who_decides_on_an_erasure_is_told_before_whether_there_is_anything(
    town: Town, party: str | None
) -> None:
    """given: a lead with a text and a reporter, and an id that nobody knows; when: it is asked to
    erase them, or their reporters; then: of the second it is said that there is nothing."""
    for record, had_content in ((await captured(town), True), (str(uuid7()), False)):
        filed = await town.privacy.post("/subject-requests", {"record": record, "party": party})
        found = await town.privacy.get(f"/subject-requests/{filed.json()['id']}")
        assert (found["status"], found["had_content"]) == ("filed", had_content)


async def test_a_hold_says_whether_there_is_anything_to_hold(town: Town) -> None:
    for record, had_content in ((await captured(town), True), (str(uuid7()), False)):
        path = f"/subject-requests/{record}"
        held = await town.privacy.post(f"{path}/hold", {"ground": "court-2026-26"})
        assert held.status_code == 200, held.text
        assert (await town.privacy.get(path))["had_content"] is had_content
        await town.privacy.post(f"{path}/release")


@pytest.mark.parametrize("own", [NAMES, subject_of(date(2031, 5, 1))])
async def test_what_is_the_citys_own_is_not_erased(town: Town, own: UUID) -> None:
    """Without that key nobody could sign in by a name any more."""
    filed = await town.privacy.post("/subject-requests", {"record": str(own)})
    assert (filed.status_code, filed.json()["code"]) == (422, "invalid_id")


async def test_an_account_that_is_erased_is_disabled(town: Town) -> None:
    person = uuid7()
    body = {"name": f"n{uuid4().hex[:12]}", "person_ref": str(person)}
    opened = await town.post("/accounts", body)
    assert opened.status_code == 201, opened.text
    account = opened.json()["id"]
    await erase(town, account)
    assert (await town.get(f"/accounts/{account}"))["status"] == "disabled"


async def test_an_older_backup_of_the_keys_brings_nothing_back(town: Town) -> None:
    """Whichever service is the first to start, or its hourly turn, destroys them again."""
    lead = await captured(town)
    subjects = erasing.subjects_of(UUID(lead), None)
    async with asyncpg.create_pool(town.settings.url("keys", "owner"), min_size=1) as pool:
        held = "SELECT subject_ref, key FROM subject_key WHERE subject_ref = ANY($1::uuid[])"
        backup = [tuple(row) for row in await pool.fetch(held, list(subjects))]
        await erase(town, lead)
        restored = "UPDATE subject_key SET key = $2, erased_at = NULL WHERE subject_ref = $1"
        await pool.executemany(restored, backup)
        assert await readable(town, lead)
        async with session(town.settings.url("alerts", "reader")) as connection:
            assert await erasures.again(connection, Keys(pool)) >= len(subjects)
    assert await readable(town, lead) == {}


async def test_a_legal_hold_is_told_with_its_ground(town: Town) -> None:
    lead = await captured(town)
    path, privacy = f"/subject-requests/{lead}", town.privacy
    held = await privacy.post(f"{path}/hold", {"ground": "court-2026-17"})
    assert held.status_code == 200, held.text
    await privacy.post("/subject-requests", {"record": lead})
    await privacy.post(f"{path}/decide", {"granted": True, "reason": "asked_for"})
    answer = await privacy.post(f"{path}/carry-out", Accept_Language="en")
    assert (answer.status_code, answer.json()["code"]) == (409, "legal_hold")
    assert "court-2026-17" in answer.json()["detail"]
    assert (await readable(town, lead))["text"]
    await privacy.post(f"{path}/release")
    assert (await privacy.post(f"{path}/carry-out")).status_code == 200


@pytest.mark.parametrize(("held", "erased"), [(None, "reporter"), ("reporter", None)])
async def test_a_hold_is_on_a_record_and_its_parties_together(
    town: Town, held: str | None, erased: str | None
) -> None:
    """given: a legal hold on a record, or on a party of it; when: the other is to be erased; then:
    nothing of either goes, until it is released."""
    lead = await captured(town)
    other = str(erasing.subjects_of(UUID(lead), held)[0])
    ground = await town.privacy.post(f"/subject-requests/{other}/hold", {"ground": "court-2026-18"})
    assert ground.status_code == 200, ground.text
    filed = await town.privacy.post("/subject-requests", {"record": lead, "party": erased})
    path = f"/subject-requests/{filed.json()['id']}"
    await town.privacy.post(f"{path}/decide", {"granted": True, "reason": "asked_for"})
    answer = await town.privacy.post(f"{path}/carry-out", Accept_Language="en")
    assert (answer.status_code, answer.json()["code"]) == (409, "legal_hold"), answer.text
    assert "court-2026-18" in answer.json()["detail"]
    assert await readable(town, lead) == {"text": "what was seen", "reporter": {"name": "Li Lei"}}
    await town.privacy.post(f"/subject-requests/{other}/release")
    assert (await town.privacy.post(f"{path}/carry-out")).status_code == 200
    left = {"text": "what was seen"} if erased else {}
    await eventually(partial(readable, town, lead), left.__eq__)


@pytest.mark.parametrize("first", ["hold", "carry-out"])
async def test_a_hold_and_an_erasure_at_the_same_moment_follow_one_another(
    town: Town, first: str
) -> None:
    """given: a request about a party that was granted; when: it is carried out while a legal hold
    is laid on the record; then: it is refused and nothing goes, or the hold came afterwards."""
    privacy, told = town.privacy, "SELECT type FROM event WHERE stream_id = $1 ORDER BY version"
    for _ in range(5):
        lead = await captured(town)
        filed = await privacy.post("/subject-requests", {"record": lead, "party": "reporter"})
        path = f"/subject-requests/{filed.json()['id']}"
        await privacy.post(f"{path}/decide", {"granted": True, "reason": "asked_for"})
        hold = partial(privacy.post, f"/subject-requests/{lead}/hold", {"ground": "court-2026-21"})
        asks = {"hold": hold, "carry-out": partial(privacy.post, f"{path}/carry-out")}
        names = sorted(asks, key=lambda name: name != first)
        answers = await asyncio.gather(*(asks[name]() for name in names))
        status = {name: one.status_code for name, one in zip(names, answers, strict=True)}
        events = [row["type"] for row in await town.rows("registry", told, UUID(lead))]
        if status["carry-out"] == 200:
            assert events == ["subject.affected.v1", "subject.held.v1"]
        else:
            assert status == {"hold": 200, "carry-out": 409}
            assert events == ["subject.held.v1"]
            assert (await readable(town, lead))["reporter"]


TOO_LATE = {
    "en": "What it held is erased, or about to be: a legal hold on it comes too late.",
    "zh-CN": "其内容已销毁或即将销毁，此时设置依法保留已来不及。",
}


async def refused_as_too_late(town: Town, subject: str) -> None:
    for language, text in TOO_LATE.items():
        path, ground = f"/subject-requests/{subject}/hold", {"ground": "court-2026-22"}
        answer = await town.privacy.post(path, ground, Accept_Language=language)
        assert (answer.status_code, answer.json()["code"]) == (409, "hold_too_late"), answer.text
        assert answer.json()["detail"] == text


async def granted(town: Town, record: str, party: str | None = None) -> str:
    """The path of a request that waits to be carried out."""
    filed = await town.privacy.post("/subject-requests", {"record": record, "party": party})
    path = f"/subject-requests/{filed.json()['id']}"
    await town.privacy.post(f"{path}/decide", {"granted": True, "reason": "asked_for"})
    return path


async def test_once_it_is_decided_that_it_goes_no_hold_comes_before_that(town: Town) -> None:
    """given: a lead, and a request that was carried out, whose keys may be there still; when: a
    legal hold is to be laid on it, or on its reporter; then: it is refused, and why is told."""
    lead = await captured(town)
    reporter = str(erasing.subjects_of(UUID(lead), "reporter")[0])
    path = await granted(town, lead)
    assert (await town.privacy.post(f"{path}/carry-out")).status_code == 200
    for subject in (lead, reporter):
        await refused_as_too_late(town, subject)
        told = "SELECT count(*) AS n FROM event WHERE stream_id = $1 AND type = 'subject.held.v1'"
        assert (await town.rows("registry", told, UUID(subject)))[0]["n"] == 0
    await eventually(partial(readable, town, lead), {}.__eq__)


async def test_what_is_left_of_a_record_whose_reporter_was_erased_can_be_held(town: Town) -> None:
    lead = await captured(town)
    path = await granted(town, lead, "reporter")
    assert (await town.privacy.post(f"{path}/carry-out")).status_code == 200
    held = await town.privacy.post(f"/subject-requests/{lead}/hold", {"ground": "court-2026-23"})
    assert held.status_code == 200, held.text
    await refused_as_too_late(town, path.rpartition("/")[2])
    await town.privacy.post(f"/subject-requests/{lead}/release")


@pytest.mark.parametrize("party", [None, "reporter"])
async def test_of_a_hold_and_an_erasure_at_the_same_moment_one_is_refused(
    town: Town, party: str | None
) -> None:
    """given: a record that is to be erased; when: that is carried out while a legal hold is laid
    on it, or on its reporter; then: one of the two is refused, for the other."""
    privacy = town.privacy
    for _ in range(5):
        lead = await captured(town)
        path, subject = await granted(town, lead), erasing.subjects_of(UUID(lead), party)[0]
        hold = privacy.post(f"/subject-requests/{subject}/hold", {"ground": "court-2026-24"})
        held, carried = await asyncio.gather(hold, privacy.post(f"{path}/carry-out"))
        if carried.status_code == 200:
            assert (held.status_code, held.json()["code"]) == (409, "hold_too_late")
            await eventually(partial(readable, town, lead), {}.__eq__)
        else:
            assert (carried.status_code, carried.json()["code"]) == (409, "legal_hold")
            assert held.status_code == 200 and (await readable(town, lead))["text"]


async def test_a_hold_that_another_service_had_not_heard_of_says_that_it_came_too_late(
    town: Town,
) -> None:
    """given: a legal hold; when: leads erase the record all the same, since they had decided so
    before they heard of it; then: the hold says so, no further one is taken, and it is released."""
    leads, lead = town.running["leads"], await captured(town)
    if leads is None:
        pytest.skip("services elsewhere do not erase what they are not asked to")
    path = f"/subject-requests/{lead}"
    held = await town.privacy.post(f"{path}/hold", {"ground": "court-2026-25"})
    assert held.status_code == 200 and (await town.privacy.get(path))["erased_at"] is None
    gone = erasing.subjects_of(UUID(lead), None)
    told = erasures.Confirm(_AT, "leads", UUID(lead), gone)
    erased = erasures.ERASURE.to(erasures.erasure_id(UUID(lead)), told)
    cause = Cause("sweep", "retention", uuid7(), "/civicgrid/leads/sweep")
    await leads.writer.submit([Work(lambda _: (erased,), cause)])
    found = await eventually(partial(town.privacy.get, path), lambda one: one["erased_at"])
    assert found["ground"] == "court-2026-25"
    for subject in gone:
        await refused_as_too_late(town, str(subject))
    assert (await town.privacy.post(f"{path}/release")).status_code == 200
    assert (await town.privacy.get(path))["ground"] is None


async def test_a_hold_that_nobody_reviewed_for_a_year_is_due(town: Town) -> None:
    lead = await captured(town)
    path, privacy = f"/subject-requests/{lead}", town.privacy
    ground = {"ground": "court-2026-19"}
    await privacy.post(f"{path}/hold", ground)

    async def due() -> bool:
        found = await privacy.get("/subject-requests", holds_due="true", limit=200)
        return lead in [one["id"] for one in found["items"]]

    assert not await due()
    held = """'{held_at}', '"2020-01-01T00:00:00Z"'"""
    change = f"UPDATE subject_request SET state = jsonb_set(state, {held}) WHERE id = $1"
    async with session(town.settings.url("registry", "writer")) as writer:
        await writer.execute(change, UUID(lead))
    assert await due()
    await privacy.post(f"{path}/hold", ground)
    assert not await due()
    await privacy.post(f"{path}/release")


async def test_a_hold_that_an_older_release_stored_is_read_as_it_was_told(town: Town) -> None:
    """given: a state without the time of its hold, as it was before holds were reviewed; when:
    it is shown; then: no time is known; when: something is asked; then: it is, from its events."""
    lead = await captured(town)
    path, privacy = f"/subject-requests/{lead}", town.privacy
    await privacy.post(f"{path}/hold", {"ground": "court-2026-20"})
    held_at = (await privacy.get(path))["held_at"]
    older = "UPDATE subject_request SET state = state - 'held_at', shape = 1 WHERE id = $1"
    async with session(town.settings.url("registry", "writer")) as writer:
        assert await writer.execute(older, UUID(lead)) == "UPDATE 1"
    assert (await privacy.get(path))["held_at"] is None
    await privacy.post("/subject-requests", {"record": lead})
    assert held_at and (await privacy.get(path))["held_at"] == held_at
    await privacy.post(f"{path}/release")


def test_keys_go_only_once_it_is_stored_that_they_do() -> None:
    """given: a request that was granted; when: it is carried out; then: nothing of it destroys a
    key, for the writer may have to decide again; a timer does, in a batch of its own."""
    id = uuid7()
    erased = SubjectErased(subject_ref=id, at=_AT, subjects=(id,))
    context: Context[Any] = Context(None, _AT, 1)
    follows = tuple(subjects.POLICIES[SubjectErased](erased, context))
    timers = [one for one in follows if isinstance(one, SetTimer)]
    told = [one.decider for one in follows if isinstance(one, Instruction)]
    assert erasures.ERASURE not in told
    [due] = [Due(one.name, one.id, one.due_at, one.data) for one in timers if one.name == "erase"]
    assert due.due_at == _AT
    [instruction] = subjects.TIMERS[due.name](due, context)
    assert isinstance(instruction, Instruction) and instruction.decider is erasures.ERASURE


async def test_what_was_refused_is_not_carried_out(town: Town) -> None:
    lead, privacy = await captured(town), town.privacy
    await privacy.post("/subject-requests", {"record": lead})
    path = f"/subject-requests/{lead}"
    await privacy.post(f"{path}/decide", {"granted": False, "reason": "still_needed"})
    answer = await privacy.post(f"{path}/carry-out")
    assert (answer.status_code, answer.json()["allowed"]) == (409, ["file_request"])
    bad = await privacy.post("/subject-requests", {"record": lead, "party": "witness"})
    assert (bad.status_code, bad.json()["errors"][0]["path"]) == (422, "/party")


def test_a_service_that_does_not_confirm_within_a_day_is_named() -> None:
    id = uuid7()
    state = SUBJECT_REQUEST.blank(id)
    assert SUBJECT_REQUEST.decide(state, FallOverdue(_AT)) == []
    erased = SubjectErased(subject_ref=id, at=_AT, subjects=(id,))
    state = SUBJECT_REQUEST.evolve(state, erased)
    [late] = SUBJECT_REQUEST.decide(state, FallOverdue(_AT + timedelta(days=1)))
    assert getattr(late, "missing", None) == CONFIRMING
    assert SUBJECT_REQUEST.decide(SUBJECT_REQUEST.evolve(state, late), FallOverdue(_AT)) == []


def test_every_service_is_asked_and_every_party_known() -> None:
    assert sorted(CONFIRMING) == sorted(service.name for service in SERVICES)
    events = {event for service in SERVICES for event in service.publishes}
    assert {party for event in events for party in event.parties.values()} == set(erasing.PARTIES)
    assert party_of(UUID(int=1), "reporter") != party_of(UUID(int=2), "reporter")
