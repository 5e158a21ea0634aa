"""What a town's audit tells: a row for each command and each look at what is personal, whatever
came of it; and whoever has all rights on the database is found out by a dump and the anchors."""

from __future__ import annotations

import asyncio
import io
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from typer.testing import CliRunner

from cli import audit_files
from cli.city import NAMES, SERVICES
from cli.main import app
from libs.common import chain
from libs.common.chain import Sealed, Verdict
from libs.common.ids import named, uuid7
from libs.rights import policy
from services.registry import reference
from tests.e2e.small_city.matrix import BODIES, ROUTES, may
from tests.e2e.small_city.plan import persons_of_the_plan
from tests.e2e.small_city.test_leads import first_cell
from tests.e2e.small_city.test_mediation import opened
from tests.support.awaiting import eventually
from tests.support.servers import Ground
from tests.support.town import PLAN, PRIVACY_OFFICER, SEED, Town

OF_ONE = "SELECT * FROM audit WHERE correlation_id = $1 ORDER BY transaction_id, position"
INFORMANT = next(one for one in persons_of_the_plan() if one.role == "grid_informant")


async def rows(town: Town, service: str, correlation: str) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(town.settings.url(service, "writer"))
    try:
        return [dict(row) for row in await connection.fetch(OF_ONE, correlation)]
    finally:
        await connection.close()


async def asked(
    town: Town, verb: str, path: str, body: Any = None, **headers: str
) -> tuple[httpx.Response, str]:
    """The answer, and the correlation id under which its rows are."""
    correlation = uuid7().hex
    told = {"traceparent": f"00-{correlation}-{'1' * 16}-01"}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    return await town.client.request(verb, path, json=body, headers=told), correlation


async def lead(town: Town) -> str:
    id, cell = str(uuid7()), (await first_cell(town))["code"]
    body = {"id": id, "lead_type": "theft", "cell": cell, "text": "planted words"}
    assert (await town.post("/leads", body)).status_code == 201
    return id


ASKING_FOR_A_POST = [
    (service, route)
    for service, route in ROUTES
    if may(service, route.name).keys().isdisjoint({"anyone", "signed_in"})
]
"""Of the others is `tests/integration/portal/test_sign_in.py`."""


@pytest.mark.parametrize(
    ("service", "route"), ASKING_FOR_A_POST, ids=lambda one: getattr(one, "name", one)
)
async def test_a_route_leaves_one_row_or_shows_nothing_that_is_personal(
    town: Town, service: str, route: Any
) -> None:
    path = route.path.format(id=uuid7(), code="x", scheme="x", subject="x", rule_set=1, year=2026)
    verb = next(iter(route.methods))
    body = BODIES.get(route.name, None if verb == "GET" else {})
    action = policy.read()[service][route.name]
    answer, correlation = await asked(
        town.acting(action.rights), verb, path, body, If_Match='"999"'
    )
    found = await rows(town, service, correlation)
    told = [(row["action"], row["resource"], row["route"]) for row in found]
    one = (route.name, action.thing, f"{verb} {route.path}")
    if verb == "GET" and not action.is_personal and answer.is_success:
        assert told == []
    else:
        assert told == [one] or answer.json() == {"items": []}
        assert all((row["outcome"] == "done") == answer.is_success for row in found)


async def test_a_row_says_who_for_whom_why_and_what_but_no_value(town: Town) -> None:
    id, case = await lead(town), str(uuid7())
    reason = {"Civicgrid_Purpose": "follow_up", "Civicgrid_Case": case}
    answer, correlation = await asked(town, "GET", f"/leads/{id}", **reason)
    (row,) = await rows(town, "leads", correlation)
    assert row["acting_for"] == [seat_of(reference.commander(PLAN, SEED))]
    assert (row["purpose"], row["case_id"], row["ids"]) == ("follow_up", UUID(case), [UUID(id)])
    assert set(row["fields"]) == answer.json().keys()
    query = {"community": "370782001001", "limit": "3"}
    path = f"/leads?{'&'.join('='.join(pair) for pair in query.items())}"
    answer, correlation = await asked(town, "GET", path)
    (row,) = await rows(town, "leads", correlation)
    assert row["filters"] == ["community", "limit"]
    shown = [one["id"] for one in answer.json()["items"]]
    assert shown and [str(one) for one in row["ids"]][: len(shown)] == shown
    body = {"id": str(uuid7()), "lead_type": "theft", "text": "planted words"}
    answer, correlation = await asked(town, "POST", "/leads", body)
    (row,) = await rows(town, "leads", correlation)
    assert row["fields"] == ["id", "lead_type", "text"] and row["ids"] == [UUID(body["id"])]
    assert "planted" not in str(row)


async def test_who_asked_for_a_party_of_a_record_is_told_of_the_record(town: Town) -> None:
    """given: a request about the reporter of a lead, whose id is another; when: it is filed and
    decided; then: each row names the lead."""
    id = await lead(town)
    body = {"record": id, "party": "reporter"}
    privacy = town.of(PRIVACY_OFFICER)
    answer, filed = await asked(privacy, "POST", "/subject-requests", body)
    path = f"/subject-requests/{answer.json()['id']}"
    told = {"granted": True, "reason": "asked_for"}
    _, decided = await asked(privacy, "POST", f"{path}/decide", told, If_Match="*")
    _, held = await asked(privacy, "POST", f"{path}/hold", {"ground": "2026-1"}, If_Match="*")
    _, refused = await asked(privacy, "POST", f"{path}/carry-out", If_Match="*")
    _, released = await asked(privacy, "POST", f"{path}/release", If_Match="*")
    _, done = await asked(privacy, "POST", f"{path}/carry-out", If_Match="*")
    outcomes = []
    for correlation in (filed, decided, held, refused, released, done):
        (row,) = await rows(town, "registry", correlation)
        assert {UUID(id), UUID(answer.json()["id"])} <= set(row["ids"]), row["action"]
        outcomes.append(row["outcome"])
    assert outcomes == ["done", "done", "done", "refused", "done", "done"]


async def test_who_is_on_a_panel_is_in_its_row(town: Town) -> None:
    """Whoever looks for one of them in the audit finds who put them there. Who is a child, and who
    answers for them, it does not tell (row P19)."""
    _, case = await opened(town)
    path = f"/mediation-cases/{case['id']}"
    await town.post(f"{path}/accept", {"grade": "simple"})
    mediator, party, child, guardian = (str(uuid7()) for _ in range(4))
    panel = {
        "mediators": [mediator],
        "consents": [party, child],
        "children": [{"party": child, "guardian": guardian}],
    }
    answer, correlation = await asked(town, "POST", f"{path}/form-panel", panel, If_Match="*")
    assert answer.status_code == 200, answer.text
    (row,) = await rows(town, "mediation", correlation)
    assert set(row["ids"]) == {UUID(one) for one in (case["id"], mediator, party, child)}


async def test_what_is_asked_about_is_in_the_row_although_nothing_is_found(town: Town) -> None:
    about, before = str(uuid7()), str(uuid7())
    answer, correlation = await asked(town, "GET", f"/alerts?about={about}&after={before}")
    assert answer.json()["items"] == []
    (row,) = await rows(town, "alerts", correlation)
    assert (row["filters"], row["ids"]) == (["about", "after"], [UUID(about)])


@pytest.mark.parametrize("raw", [b'{"lead_type":', b"\xff", b'{"count": NaN}'])
async def test_a_command_that_is_no_json_leaves_a_row_too(town: Town, raw: bytes) -> None:
    """given: somebody who may ask it; when: what they send cannot be read; then: 400, and a row
    says who tried what."""
    correlation = uuid7().hex
    told = {"traceparent": f"00-{correlation}-{'1' * 16}-01", "Content-Type": "application/json"}
    answer = await town.client.post("/leads", content=raw, headers=told)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    (row,) = await rows(town, "leads", correlation)
    assert row["acting_for"] == [seat_of(reference.commander(PLAN, SEED))]
    told_of = (row["action"], row["resource"], row["outcome"], row["code"])
    assert told_of == ("capture_lead", "lead", "refused", "malformed")


def seat_of(person: UUID) -> str:
    bodies = [body for route, bodies in reference.batches(PLAN, SEED) for body in bodies]
    return next(str(body["post"]) for body in bodies if body.get("person_ref") == str(person))


async def test_a_hundred_captures_at_once_are_a_hundred_rows(town: Town) -> None:
    told = {"lead_type": "theft", "cell": (await first_cell(town))["code"]}
    items: list[Any] = [{"id": str(uuid7()), **told} for _ in range(100)]
    items[7], items[8] = {"lead_type": "theft", "cell": 7}, dict(items[9])
    answer, correlation = await asked(town, "POST", "/leads/batch", {"items": items})
    statuses = [one["status"] for one in answer.json()["items"]]
    assert (statuses[7], statuses[8], statuses[9]) == (422, 201, 200)
    found = await rows(town, "leads", correlation)
    assert Counter(row["outcome"] for row in found) == {"done": 98, "again": 1, "refused": 1}
    ids = {str(row["ids"][0]) for row in found if row["ids"]}
    assert ids == {one["id"] for one in items if "id" in one}


async def test_what_was_refused_and_what_was_denied_leave_a_row(town: Town) -> None:
    id = await lead(town)
    informant = town.of(INFORMANT.id)
    tries: Sequence[tuple[Town, str, str, Any, tuple[int, str, str | None]]] = (
        (informant, "GET", "/supervisions", None, (403, "denied", "role_not_allowed")),
        (informant, "GET", f"/leads/{uuid7()}", None, (404, "denied", "not_found")),
        (informant, "GET", f"/leads/{id}", None, (200, "done", None)),
        (informant, "POST", f"/leads/{id}/close", None, (403, "denied", "role_not_allowed")),
        (town, "POST", f"/leads/{id}/close", None, (409, "refused", "illegal_transition")),
        (town, "POST", f"/leads/{id}/dismiss", {}, (422, "refused", "invalid")),
        (town, "GET", "/areas/nowhere", None, (404, "denied", "not_found")),
    )
    for who, verb, path, body, wanted in tries:
        answer, correlation = await asked(who, verb, path, body)
        service = "registry" if "areas" in path else "leads"
        (row,) = await rows(town, service, correlation)
        assert (answer.status_code, row["outcome"], row["code"]) == wanted, path
    answer, correlation = await asked(town, "POST", f"/leads/{id}/sign", If_Match='"9"')
    (row,) = await rows(town, "leads", correlation)
    assert (answer.status_code, row["outcome"]) == (412, "refused")
    assert row["ids"] == [UUID(id)]


async def test_nobody_leaves_no_row(town: Town) -> None:
    there = town.of(INFORMANT.id)
    there.client.auth = None  # type: ignore[assignment]
    answer, correlation = await asked(there, "GET", f"/leads/{uuid7()}")
    assert answer.status_code == 401
    assert await rows(town, "leads", correlation) == []


@pytest.mark.parametrize(
    ("header", "path"),
    [
        ({"Civicgrid_Purpose": "a good reason"}, "/purpose"),
        ({"Civicgrid_Purpose": ""}, "/purpose"),
        ({"Civicgrid_Case": "the neighbour"}, "/case"),
    ],
)
async def test_a_reason_that_is_none_is_refused_and_that_is_told(
    town: Town, header: Mapping[str, str], path: str
) -> None:
    answer, correlation = await asked(town, "GET", f"/leads/{uuid7()}", **header)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["path"]) == (422, "reason_unclear", path)
    (row,) = await rows(town, "leads", correlation)
    assert (row["outcome"], row["code"]) == ("refused", "reason_unclear")
    assert (row["purpose"], row["case_id"]) == (None, None)


@pytest.fixture(scope="module")
async def anchored(
    town: Town, servers: Ground, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Path, list[int]]]:
    """A file with the anchors of three moments, and how many rows leads had at each."""
    running = town.running["leads"]
    if running is None or servers.given:
        pytest.skip("services elsewhere anchor when they like to")
    moments = []
    for _ in range(3):
        for _ in range(10):
            await town.get(f"/leads/{await lead(town)}")
        await running.anchor()
        moments.append(await length(town))
    file = tmp_path_factory.mktemp("audit") / "anchors"

    async def known() -> int:
        with file.open("w") as out:
            await audit_files.write_anchors(town.settings.kafka_bootstrap_servers, out)
        return max(one.number for one in audit_files.read_anchors(file, "leads"))

    await eventually(known, partial(int.__le__, moments[-1]))
    yield file, moments


async def length(town: Town) -> int:
    connection = await asyncpg.connect(town.settings.url("leads", "writer"))
    try:
        return await audit_files.length(connection)
    finally:
        await connection.close()


DELETED = "DELETE FROM audit WHERE position = (SELECT {position})"
CHANGED = "UPDATE audit SET actor = 'somebody else' WHERE position = (SELECT {position})"
MOVED = """
UPDATE audit SET position = CASE position
    WHEN (SELECT {position}) THEN (SELECT {other}) ELSE (SELECT {position}) END
WHERE position IN ((SELECT {position}), (SELECT {other}))
"""
INSERTED = """
INSERT INTO audit (transaction_id, at, actor, acting_for, action, resource, route, filters, fields,
                   ids, outcome, correlation_id)
SELECT transaction_id, at - interval '1 day', 'nobody else', '{{}}', action, resource, route,
       '{{}}', '{{}}', ids, outcome, 'x' FROM audit WHERE position = (SELECT {position})
"""
AHEAD = INSERTED.replace("at - interval '1 day'", "timestamptz '2099-01-01'")
CUT_OFF = """
DELETE FROM audit WHERE position >= (SELECT {position});
DELETE FROM audit_seal WHERE first > {number} - cardinality(positions)
"""
OF_NUMBER = """
positions[{number} - first + 1] FROM audit_seal WHERE {number} >= first
ORDER BY first DESC LIMIT 1
"""


async def tampered(servers: Ground, statements: str) -> list[Sealed]:
    """A dump of leads after whoever may do everything there did this; then it is undone."""
    url = f"{servers.admin_url.rpartition('/')[0]}/leads"
    connection = await asyncpg.connect(url)
    try:
        turn = connection.transaction()
        await turn.start()
        for statement in filter(str.strip, statements.split(";")):
            await connection.execute(statement)
        lines = await dumped(connection)
        await turn.rollback()
        return lines
    finally:
        await connection.close()


async def dumped(connection: asyncpg.Connection[Any]) -> list[Sealed]:
    out = io.StringIO()
    await audit_files.write_dump(connection, "leads", out, lambda _: None)
    out.seek(0)
    return list(audit_files.read_dump(out)[1])


def verified(lines: Sequence[Sealed], file: Path) -> Verdict:
    known = audit_files.read_anchors(file, "leads")
    return chain.verify("leads", datetime.now(UTC), lines, known)


TAMPERED = {
    "deleted": DELETED,
    "changed": CHANGED,
    "inserted": INSERTED,
    "inserted ahead": AHEAD,
    "out of order": MOVED,
    "cut off": CUT_OFF,
}
KINDS = {"inserted ahead": ("inserted",), "out of order": ("out of order", "deleted")}
"""Of two rows that changed places the first looks gone, if they were not sealed together."""


@pytest.mark.parametrize("kind", TAMPERED)
async def test_whoever_changes_the_database_is_found_and_the_first_bad_row_named(
    servers: Ground, anchored: tuple[Path, list[int]], kind: str
) -> None:
    file, (_, middle, _) = anchored
    assert verified(await tampered(servers, ""), file).name == "valid"
    places = {
        "number": middle,
        "position": OF_NUMBER.format(number=middle),
        "other": OF_NUMBER.format(number=middle + 5),
    }
    verdict = verified(await tampered(servers, TAMPERED[kind].format(**places)), file)
    assert verdict.name == "invalid"
    first = verdict.faults[0]
    assert first.kind in KINDS.get(kind, (kind,))
    if kind == "cut off":
        assert first.number is not None and first.number <= middle
    else:
        assert first.number == (None if "inserted" in kind else middle)


async def test_a_database_of_yesterday_is_found(
    town: Town, servers: Ground, anchored: tuple[Path, list[int]]
) -> None:
    file, moments = anchored
    lines = await tampered(servers, "")
    yesterday = [line for line in lines if (line.number or 0) and (line.number or 0) <= moments[0]]
    verdict = verified(yesterday, file)
    assert (verdict.name, verdict.anchored) == ("invalid", moments[0])
    assert (verdict.faults[0].kind, verdict.faults[0].number) == ("cut off", moments[0] + 1)
    hash, since = yesterday[-1].hash, list(yesterday)
    for line in lines[moments[0] :]:  # it went on working, with other rows
        row = {**(line.row or {}), "actor": "today"}
        hash = chain.after(hash, row)
        since.append(Sealed(line.number, hash, row))
    first = verified(since, file).faults[0]
    assert (first.kind, first.number) == ("rewritten", moments[0] + 1)
    assert chain.verify("leads", datetime.now(UTC), since, []).name == "cannot be verified"


async def test_the_command_says_so_without_a_server_and_tells_who_looked(
    town: Town, anchored: tuple[Path, list[int]], tmp_path: Path
) -> None:
    there = servers_of(town)
    dump, anchors = str(tmp_path / "leads.dump"), str(tmp_path / "anchors")
    assert "anchors written" in await command(there, "anchors", anchors)
    assert "written" in await command(there, "dump", "leads", dump)
    nowhere = dict.fromkeys(there, "")
    told = await command(nowhere, "verify", dump, "--anchors", anchors)
    assert "leads: valid" in told
    told = await command(nowhere, "verify", dump, ends=2)
    assert "cannot be verified" in told and "from number 1 on" in told
    lines = Path(dump).read_text().splitlines()
    Path(dump).write_text("\n".join([lines[0].replace("leads", "alerts"), *lines[1:]]) + "\n")
    told = await command(nowhere, "verify", dump, "--anchors", anchors, ends=1)
    assert "alerts: invalid" in told
    Path(dump).write_text("\n".join(lines[:41] + lines[42:]) + "\n")
    told = await command(nowhere, "verify", dump, "--anchors", anchors, ends=1)
    assert "first bad row" in told and "41" in told
    await command(nowhere, "verify", anchors, ends=3)
    await command(there, "dump", "nowhere", dump, ends=2)
    id = await lead(town)
    await town.get(f"/leads/{id}")
    await town.of(INFORMANT.id).client.get(f"/leads/{id}")
    rows = json.loads(await command(there, "about", id, "--json"))
    assert (rows[0]["action"], rows[0]["service"]) == ("capture_lead", "leads")
    assert Counter(row["action"] for row in rows)["show_lead"] == 2
    assert "show_lead" in await command(there, "about", id)
    account = str(named(f"account/{INFORMANT.id}"))
    seen = json.loads(await command(there, "by", account, "2020-01-01", "2099-01-01", "--json"))
    (row,) = (one for one in seen if one["id"] == id)
    assert (row["service"], row["action"], row["times"]) == ("leads", "show_lead", 1)
    before = await command(there, "by", account, "2020-01-01", "2020-01-02", "--json")
    assert json.loads(before) == []


def servers_of(town: Town) -> dict[str, str]:
    """As a command finds them in its environment."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": town.settings.kafka_bootstrap_servers,
        "DATABASE_URL": town.settings.database_url,
        "CIVICGRID_TOKENS": str(town.settings.tokens),
    }


async def command(environment: Mapping[str, str], *words: str, ends: int = 0) -> str:
    """Beside the services, which go on."""
    run = partial(CliRunner().invoke, app, ["audit", *words], env=environment)
    done = await asyncio.to_thread(run)
    assert done.exit_code == ends, (done.output, done.exception)
    return done.stdout


def test_every_service_has_a_chain() -> None:
    assert {service.name for service in SERVICES} == set(NAMES)
    assert all(service.aggregates[-1].name == "audit_chain" for service in SERVICES)
