"""What the police share must be in order before it is taken: all that is wrong is told at once, and
of what is refused the reasons alone are kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from joserfc.jwk import ECKey
from typer.testing import CliRunner

from cli import ground
from cli.main import app
from libs.city import calendar
from libs.common.database import session
from libs.common.ids import derived
from libs.common.keys import Keys, unseal
from libs.privacy import register
from services.registry import sources
from services.registry.api_sharing import BATCHES
from services.registry.sharing_faults import a_year_after
from tests.e2e.small_city.plan import CITY, COMMUNITY, PARENT
from tests.e2e.small_city.test_content import ELSEWHERE, INFORMANT, OFFICER
from tests.e2e.small_city.test_planted import forms_of, tables
from tests.e2e.small_city.test_sharing import (
    TOWN_CENTRE,
    admitted,
    batch,
    entry,
    key,
    keys_of,
    read,
    signed,
    submit,
)
from tests.support.awaiting import eventually
from tests.support.town import Town

__all__ = ["key"]


def _in(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


BAD: Mapping[str, tuple[Mapping[str, Any], set[str]]] = {
    "no expiry": ({"expires_at": None}, {"/expires_at missing"}),
    "no document": ({"document": None}, {"/document missing"}),
    "no basis": ({"basis": None}, {"/basis missing"}),
    "no purpose": ({"purpose": None}, {"/purpose missing"}),
    "no category": ({"category": None}, {"/category missing"}),
    "no officer": ({"issued_by": None}, {"/issued_by missing"}),
    "no source": ({"source": None}, {"/source missing"}),
    "no entries": ({"entries": []}, {"/entries missing"}),
    "whole city": ({"area": CITY}, {"/area too_wide"}),
    "whole town": ({"area": PARENT[COMMUNITY]}, {"/area too_wide"}),
    "nowhere": ({"area": "X-99"}, {"/area unknown_area", "/entries/0/cell outside_area"}),
    "expired": ({"expires_at": _in(-1)}, {"/expires_at over"}),
    "for too long": ({"expires_at": _in(400)}, {"/expires_at beyond_limit"}),
    "unknown category": ({"category": "petitioner"}, {"/category unknown_category"}),
    "another purpose": ({"purpose": "road_safety"}, {"/purpose other_purpose"}),
    "no such purpose": ({"purpose": "curiosity"}, {"/purpose unknown_purpose"}),
    "no such basis": ({"basis": "custom"}, {"/basis unknown_basis"}),
    "one person for both": ({"issued_by": str(OFFICER.id)}, {"/issued_by one_person"}),
    "no officer of ours": ({"issued_by": str(INFORMANT.id)}, {"/issued_by unknown_officer"}),
    "unknown source": ({"source": "somebody"}, {"/source unknown_source"}),
    "a person twice": (
        {"entries": [entry(identity="A-1"), entry(identity="A-1")]},
        {"/entries/1/identity twice"},
    ),
    "a person twice but for case": (
        {"entries": [entry(identity="A-1x"), entry(identity="a-1X")]},
        {"/entries/1/identity twice"},
    ),
    "an entry twice": ({"entries": [entry(), entry()]}, {"/entries/1 twice"}),
    "a basis of something else": ({"basis": "mediation_law"}, {"/basis other_basis"}),
    "a day more than a year": (
        {"expires_at": (a_year_after(datetime.now(UTC)) + timedelta(hours=1)).isoformat()},
        {"/expires_at beyond_limit"},
    ),
    "whose age nobody knows for long": (
        {"expires_at": _in(200), "entries": [entry(born=None, guardian="Li Lei")]},
        {"/entries/0/born beyond_limit_of_children"},
    ),
    "a child without a guardian, and more": (
        {"issued_by": str(INFORMANT.id), "entries": [entry(born="2020-01-01")]},
        {"/issued_by unknown_officer", "/entries/0/guardian guardian_required"},
    ),
    "nobody": ({"entries": [entry(), entry(name=None)]}, {"/entries/1/name missing"}),
    "a cell elsewhere": (
        {"entries": [entry(cell=ELSEWHERE.area)]},
        {"/entries/0/cell outside_area"},
    ),
    "not born yet": ({"entries": [entry(born="2099-01-01")]}, {"/entries/0/born not_yet"}),
    "a child for long": (
        {"expires_at": _in(200), "entries": [entry(born="2020-01-01", guardian="Li Lei")]},
        {"/entries/0/born beyond_limit_of_children"},
    ),
    "three faults": (
        {"basis": None, "expires_at": None, "area": CITY},
        {"/basis missing", "/expires_at missing", "/area too_wide"},
    ),
    "many faults": (
        {"entries": [entry(name=None, cell="X") for _ in range(400)]},
        {"/entries/0/name missing", "/entries/399/cell unknown_area"},
    ),
    "too many": ({"entries": [entry(name=f"N {n}") for n in range(501)]}, {"/entries too_long"}),
}


@pytest.mark.parametrize("bad", BAD)
async def test_a_bad_batch_is_refused_with_every_reason(town: Town, key: ECKey, bad: str) -> None:
    told, wanted = BAD[bad]
    body = batch(**told)
    answer = await town.of(OFFICER.id).post("/shared-batches", signed(key, body))
    assert answer.status_code == 422, answer.text
    errors = answer.json()["errors"]
    assert {f"{one['path']} {one['code']}" for one in errors} >= wanted
    assert not [one for one in errors if one["message"].startswith("field_")]
    assert await batches_of(town, body.get("document", "")) == []


STATEMENTS: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "no kind": ({"text": "drinks"}, "/kind missing"),
    "null for a kind": ({"kind": None, "text": "drinks"}, "/kind literal_error"),
    "an unknown kind": ({"kind": "rumour", "text": "drinks"}, "/kind literal_error"),
    "two kinds": ({"kind": ["fact", "report"], "text": "drinks"}, "/kind literal_error"),
    "no text": ({"kind": "fact"}, "/text missing"),
    "a role": ({"kind": "fact", "text": "drinks", "role": "suspect"}, "/role extra_forbidden"),
    "two roles": (
        {"kind": "fact", "text": "drinks", "roles": ["victim", "suspect"]},
        "/roles extra_forbidden",
    ),
}


@pytest.mark.parametrize("bad", STATEMENTS)
async def test_a_statement_has_one_known_kind_and_no_role(town: Town, key: ECKey, bad: str) -> None:
    """Row P11."""
    statement, wanted = STATEMENTS[bad]
    body = batch(entries=[entry(), entry(name="Li Lei", statement=statement)])
    answer = await town.of(OFFICER.id).post("/shared-batches", signed(key, body))
    assert answer.status_code == 422, answer.text
    told = {f"{one['path']} {one['code']}" for one in answer.json()["errors"]}
    assert told == {f"/entries/1/statement{wanted}"}
    assert await batches_of(town, body["document"]) == []


async def test_each_statement_has_a_kind_and_the_source_of_its_batch(
    town: Town, key: ECKey
) -> None:
    """Row P11: who reads a statement finds by whom it came."""
    said = [
        {"kind": kind, "text": "drinks"} for kind in ("fact", "report", "judgement", "unverified")
    ]
    told = [entry(name=f"N {one['kind']}", statement=one) for one in said]
    first, *_ = await admitted(town, key, entries=told)
    shown = (await read(town, first)).json()
    assert shown["statement"] == said[0]
    papers = await town.of(OFFICER.id).get(f"/shared-batches/{shown['batch_id']}")
    assert papers["source"] == "bureau"
    assert shown["issued_by"] == papers["issued_by"] == str(ELSEWHERE.id)


async def batches_of(town: Town, document: str) -> list[Any]:
    """What is kept of a batch by its document: nothing, if it was refused."""
    query = "SELECT id FROM shared_batch WHERE state ->> 'document' = $1"
    async with session(town.settings.url("registry", "writer")) as writer:
        return list(await writer.fetch(query, document))


async def refused(town: Town) -> list[str]:
    """The reasons of all that were."""
    query = "SELECT state ->> 'reasons' AS reasons FROM shared_batch WHERE status = 'refused'"
    async with session(town.settings.url("registry", "writer")) as writer:
        return sorted(row["reasons"] for row in await writer.fetch(query))


async def test_of_a_refused_batch_reasons_are_kept_and_it_may_come_again(
    town: Town, key: ECKey
) -> None:
    body = batch(issued_by=str(INFORMANT.id))
    assert (await town.of(OFFICER.id).post("/shared-batches", signed(key, body))).status_code == 422
    assert any("issued_by:unknown_officer" in one for one in await refused(town))


@pytest.mark.parametrize("wrong", ["content", "no signature", "other key"])
async def test_of_a_refused_batch_no_word_is_kept(town: Town, key: ECKey, wrong: str) -> None:
    """given: a batch that was taken, whose words its keys open; when: another is refused; then: an
    id and the reasons are kept, no entry and no key, and no word of it, whatever key is tried."""
    taken, word = f"t{uuid4().hex}", f"w{uuid4().hex}"
    assert (await submit(town, key, entries=[entry(name=taken)])).status_code == 201
    body = {**worded(word), "signature": None}
    if wrong != "no signature":
        other = ECKey.generate_key("P-256", private=True)
        body = signed(other if wrong == "other key" else key, worded(word))
    events, entries = await ids(town, REFUSED), await ids(town, ENTRIES)
    answer = await town.of(OFFICER.id).post("/shared-batches", body)
    assert answer.status_code == 422, answer.text
    (refused,) = await ids(town, REFUSED) - events
    assert await ids(town, ENTRIES) == entries
    (event,) = await told_of(town, refused)
    assert event["data"].keys() == {"batch_id", "at", "community", "reasons"}
    assert event["sealed"] is None
    assert await keys_of(town, [str(refused), *await subjects_of(town, body["document"])]) == []
    opened, kept = await all_opened(town), await all_kept(town)
    assert taken.encode() in opened and not [one for one in forms_of(taken) if one in kept]
    assert not [one for one in forms_of(word) if one in opened or one in kept]


REFUSED = "SELECT stream_id FROM event WHERE type = 'shared_batch.refused.v1'"
ENTRIES = "SELECT id FROM shared_entry"
SEALED = "SELECT sealed::text FROM event WHERE sealed IS NOT NULL"


def worded(word: str) -> dict[str, Any]:
    """A batch with this word wherever it takes one, and so with many faults."""
    about = entry(name=f"{word} n", address=f"{word} a", identity=f"{word}-i", guardian=word)
    about["statement"] = {"kind": "report", "text": f"{word} s"}
    terms = dict.fromkeys(("basis", "purpose", "category"), word)
    return batch(**terms, entries=[about, {**about, "cell": word}])


async def ids(town: Town, query: str) -> set[UUID]:
    async with session(town.settings.url("registry", "writer")) as writer:
        return {row[0] for row in await writer.fetch(query)}


async def told_of(town: Town, id: UUID) -> list[dict[str, Any]]:
    query = "SELECT data::text AS data, sealed FROM event WHERE stream_id = $1"
    async with session(town.settings.url("registry", "writer")) as writer:
        rows = await writer.fetch(query, id)
    return [{**row, "data": json.loads(row["data"])} for row in rows]


async def subjects_of(town: Town, document: str) -> list[str]:
    """Those that this batch and its entries would have, had it been taken."""
    async with asyncpg.create_pool(town.settings.url("keys", "writer"), min_size=1) as pool:
        id = await Keys(pool).alias(BATCHES, f"document/bureau/{document}")
    return [str(id), *(str(derived(id, f"entry {n}")) for n in range(2))]


async def all_opened(town: Town) -> bytes:
    """All that the registry sealed, as far as the keys there are open it."""
    async with session(town.settings.url("registry", "writer")) as writer:
        rows = [json.loads(row["sealed"]) for row in await writer.fetch(SEALED)]
    parts = [(UUID(subject), content) for row in rows for subject, content in row.items()]
    async with asyncpg.create_pool(town.settings.url("keys", "writer"), min_size=1) as pool:
        keys = await Keys(pool).get({subject for subject, _ in parts})
    told = (unseal(keys[one], one, content) for one, content in parts if one in keys)
    return "\n".join(json.dumps(one, ensure_ascii=False) for one in told).encode()


async def all_kept(town: Town) -> bytes:
    """All that stands in the tables of the registry and of the keys, sealed or not, as it is."""
    found = [text async for name, text in tables(town) if name.split(".")[0] in OURS]
    return b"\n".join(found).lower()


OURS = {"table registry", "table keys"}


@pytest.mark.parametrize("change", ["other content", "other key", "no signature", "rubbish"])
async def test_a_signature_must_be_of_the_source_over_this(
    town: Town, key: ECKey, change: str
) -> None:
    body = signed(key, batch())
    if change == "other content":
        body["entries"][0]["name"] = "Somebody Else"
    elif change == "other key":
        body = signed(ECKey.generate_key("P-256", private=True), batch())
    else:
        body["signature"] = "" if change == "no signature" else "a.b.c"
    answer = await town.of(OFFICER.id).post("/shared-batches", body)
    (error,) = answer.json()["errors"]
    wanted = "missing" if change == "no signature" else "bad_signature"
    assert (answer.status_code, error["path"], error["code"]) == (422, "/signature", wanted)


async def test_for_a_child_somebody_must_answer(town: Town, key: ECKey) -> None:
    """Whose age nobody knows counts as one."""
    for born in ("2020-01-01", None):
        child = entry(name="Xiao Ming", born=born)
        answer = await submit(town, key, entries=[child])
        assert (answer.status_code, answer.json()["code"]) == (409, "guardian_required")
        answer = await submit(town, key, entries=[{**child, "guardian": "Li Lei"}])
        assert answer.status_code == 201, answer.text


LETS_IN = {"assessments": "shared_2026", "bases": "police_sharing"}


def over(monkeypatch: pytest.MonkeyPatch, part: str = "assessments") -> None:
    """The register says that nobody approved the assessment, or that the basis is over."""
    known, name = register.registered(), LETS_IN[part]
    parts = getattr(known, part)
    one = parts[name].model_copy(update={"approved_by": None, "until": date(2026, 1, 1)})
    changed = known.model_copy(update={part: {**parts, name: one}})
    monkeypatch.setattr("services.registry.api_sharing.registered", lambda: changed)


async def test_a_category_is_not_taken_until_it_is_assessed(
    town: Town, key: ECKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    if town.running["registry"] is None:
        pytest.skip("the register of services elsewhere is not ours")
    over(monkeypatch)
    body = signed(key, batch())
    (error,) = (await town.of(OFFICER.id).post("/shared-batches", body)).json()["errors"]
    assert (error["path"], error["code"]) == ("/category", "assessment_required")
    monkeypatch.undo()
    again = await town.of(OFFICER.id).post("/shared-batches", body)
    assert again.status_code == 201, again.text
    assert again.headers["ETag"] == '"1"'


async def test_outside_their_community_an_officer_submits_nothing(town: Town, key: ECKey) -> None:
    body = signed(key, batch(issued_by=str(OFFICER.id)))
    answer = await town.of(ELSEWHERE.id).post("/shared-batches", body)
    assert answer.status_code == 404, answer.text


async def test_one_document_is_one_batch_however_it_is_written(town: Town, key: ECKey) -> None:
    body, officer = batch(), town.of(OFFICER.id)
    there = datetime.fromisoformat(body["expires_at"]).astimezone(timezone(timedelta(hours=8)))
    nulls = [{**one, "guardian": None} for one in body["entries"]]
    first = await officer.post("/shared-batches", signed(key, body))
    for told in ({"expires_at": there.isoformat()}, {"entries": nulls}):
        again = await officer.post("/shared-batches", signed(key, {**body, **told}))
        assert (again.status_code, again.json()["changed"]) == (201, False)
        assert again.json()["id"] == first.json()["id"]
    other = {**body, "entries": [entry(name="Li Lei")]}
    refused = await officer.post("/shared-batches", signed(key, other))
    assert (refused.status_code, refused.json()["code"]) == (409, "other_content")
    assert len(await batches_of(town, body["document"])) == 1


async def test_the_same_request_once_more_is_answered_as_at_first(town: Town, key: ECKey) -> None:
    """given: a batch that was taken, and whose time is over; when: its request comes again, and
    another with the same batch; then: the first answer, and what is wrong; it is not refused."""
    soon = datetime.now(UTC) + timedelta(seconds=3)
    body = signed(key, batch(expires_at=soon.isoformat()))
    headers = {"Idempotency_Key": uuid4().hex}
    send = partial(town.of(OFFICER.id).post, "/shared-batches", body)
    first, before = await send(**headers), await refused(town)
    await asyncio.sleep((soon - datetime.now(UTC)).total_seconds() + 0.5)
    again, late = await send(**headers), await send()
    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
    assert [one["code"] for one in late.json()["errors"]] == ["over"]
    assert await refused(town) == before


async def test_refused_by_one_it_may_come_again_by_another(town: Town, key: ECKey) -> None:
    """given: a batch for a cell that is not there yet, refused to the command centre; when: the
    officer of the place sends it, and the cell is there; then: it is taken."""
    code = f"{COMMUNITY}{uuid4().int % 40 + 50}"
    body = signed(key, batch(area=code, entries=[entry(cell=code)]))
    assert (await town.post("/shared-batches", body)).status_code == 422
    area = {"code": code, "name": "new", "level": "grid_l2", "parent": COMMUNITY}
    assert (await town.post("/areas", area)).status_code == 201
    send = partial(town.of(OFFICER.id).post, "/shared-batches", body)
    taken = await eventually(send, lambda answer: answer.status_code == 201)
    shown = await town.of(OFFICER.id).client.get(f"/shared-batches/{taken.json()['id']}")
    assert shown.headers["ETag"] == taken.headers["ETag"] == '"1"'
    assert shown.headers["Cache-Control"] == "no-store"


async def test_of_a_community_that_is_not_theirs_nothing_is_looked_into(
    town: Town, key: ECKey
) -> None:
    body, before = batch(issued_by=str(ELSEWHERE.id), basis=None), await refused(town)
    answer = await town.of(ELSEWHERE.id).post("/shared-batches", signed(key, body))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert await refused(town) == before


async def test_a_cell_that_was_closed_is_none(town: Town, key: ECKey) -> None:
    code, parent = f"{COMMUNITY}01{uuid4().int % 40 + 50}", f"{COMMUNITY}01"
    area = {"code": code, "name": "n", "level": "grid_l3", "parent": parent}
    assert (await town.post("/areas", area)).status_code == 201
    assert (await town.post(f"/areas/{code}/close", {})).status_code == 200
    answer = await submit(town, key, entries=[entry(cell=code)])
    assert [one["code"] for one in answer.json()["errors"]] == ["unknown_area"]


def test_a_day_is_one_of_the_city() -> None:
    late = datetime(2026, 11, 29, 16, 30, tzinfo=UTC)
    assert str(calendar.day_of(late, lambda year: None)) == "2026-11-30"
    assert a_year_after(late) == datetime(2027, 11, 29, 16, 30, tzinfo=UTC)
    assert a_year_after(datetime(2028, 2, 29, tzinfo=UTC)) == datetime(2029, 2, 28, tzinfo=UTC)


@pytest.mark.parametrize("document", ["HanMei-2026", "11010519491231002", "2026-a", "petitioner"])
async def test_a_number_of_a_document_holds_nothing_else(
    town: Town, key: ECKey, document: str
) -> None:
    answer = await submit(town, key, document=document)
    assert answer.status_code == 422
    assert [one["path"] for one in answer.json()["errors"]] == ["/document"]


async def test_a_reason_is_one_of_a_list(town: Town, key: ECKey) -> None:
    first, _ = await admitted(town, key)
    until = (datetime.now(UTC) + timedelta(days=90)).isoformat()
    for step, more in (("withdraw", {}), ("retain", {"until": until})):
        body = {"reason": "han_mei_has_hiv", **more}
        answer = await town.of(OFFICER.id).post(f"/shared-entries/{first}/{step}", body)
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "/reason")


@pytest.mark.parametrize(
    ("part", "code"), [("assessments", "assessment_required"), ("bases", "basis_over")]
)
async def test_without_an_assessment_or_a_basis_nothing_works(
    town: Town, key: ECKey, monkeypatch: pytest.MonkeyPatch, part: str, code: str
) -> None:
    if town.running["registry"] is None:
        pytest.skip("the register of services elsewhere is not ours")
    first, _ = await admitted(town, key)
    path = f"/shared-batches/{(await submit(town, key)).json()['id']}/approve"
    until = (datetime.now(UTC) + timedelta(days=90)).isoformat()
    body = {"until": until, "reason": "still_needed"}
    over(monkeypatch, part)
    asked = [
        await town.of(TOWN_CENTRE.id).post(path),
        await read(town, first),
        await town.of(OFFICER.id).post(f"/shared-entries/{first}/retain", body),
    ]
    told = {(answer.status_code, answer.json()["code"]) for answer in asked}
    assert told == {(422, code)}
    elsewhere = await town.of(ELSEWHERE.id).post(f"/shared-entries/{first}/retain", body)
    assert elsewhere.status_code == 404
    monkeypatch.undo()
    assert (await town.of(TOWN_CENTRE.id).post(path)).status_code == 200


async def test_a_key_that_was_taken_away_lets_nothing_in(town: Town, key: ECKey) -> None:
    path = f"/shared-batches/{(await submit(town, key)).json()['id']}/approve"
    assert town.settings.tokens
    for keys in ([], [sources.made("bureau").as_dict(private=False)]):
        (town.settings.tokens / sources.FILE).write_text(json.dumps({"keys": keys}))
        answer = await town.of(TOWN_CENTRE.id).post(path)
        assert (answer.status_code, answer.json()["code"]) == (422, "source_key_gone")
    sources.add(town.settings.tokens, key)
    assert (await town.of(TOWN_CENTRE.id).post(path)).status_code == 200


DAMAGED = {
    "empty": "",
    "no keys": "{}",
    "no name": '{"keys":[{"kty":"EC"}]}',
    "no key": '{"keys":[{"kty":"EC","kid":"bureau","crv":"P-256","x":"a","y":"b"}]}',
    "another kind": '{"keys":[{"kty":"RSA","kid":"bureau","n":"AQAB","e":"AQAB"}]}',
}


@pytest.mark.parametrize("damage", DAMAGED)
async def test_a_damaged_file_of_sources_lets_nothing_in(
    town: Town, key: ECKey, damage: str
) -> None:
    assert town.settings.tokens
    file = town.settings.tokens / sources.FILE
    good = file.read_text()
    try:
        file.write_text(DAMAGED[damage])
        answer = await submit(town, key)
    finally:
        file.write_text(good)
    assert (answer.status_code, answer.json()["code"]) == (503, "sources_unreadable")


async def test_a_key_that_cannot_be_written_does_not_replace_the_one_before(
    town: Town, key: ECKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert town.settings.tokens
    monkeypatch.setattr(ground, "tokens_folder", lambda: town.settings.tokens)
    made = CliRunner().invoke(app, ["sharing", "key", "bureau", "/no/such/folder/bureau.pem"])
    assert made.exit_code == 1
    assert (await submit(town, key)).status_code == 201
