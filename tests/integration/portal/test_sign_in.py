"""Who may come in, over a real Kafka and a real PostgreSQL; and what is kept of it nowhere."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pyotp
import pytest

from libs.common.ids import uuid7
from libs.common.serving import started
from libs.common.settings import SettingsError
from libs.rights.tokens import Keyring
from services.portal.domain.account import FAILURES, SESSIONS
from services.portal.main import SERVICE
from tests.support.checks import check_states
from tests.support.portal import (
    NOT_LET_IN,
    OTHER_PASSWORD,
    PASSWORD,
    REFUSED,
    Person,
    Portal,
    everything_of,
    founder_token,
    records_of,
    told,
)
from tests.support.servers import TOKENS


async def test_whoever_was_invited_signs_in_with_a_second_factor_and_no_code_is_taken_twice(
    portal: Portal,
) -> None:
    person = await portal.open()
    person.secret = pyotp.random_base32()
    assert told(await portal.sign_in(person)) == NOT_LET_IN
    assert (await portal.activate(person)).json() == {"id": person.id}
    assert told(await portal.activate(person)) == NOT_LET_IN
    first = await portal.sign_in(person)
    assert first.status_code == 201
    assert first.headers["cache-control"] == "no-store"
    assert told(await portal.sign_in(person)) == NOT_LET_IN
    assert told(await portal.sign_in(person, code=None)) == NOT_LET_IN
    assert told(await portal.sign_in(person, code=person.code(0))) == NOT_LET_IN
    token = first.json()["access_token"]
    bearer = Keyring(TOKENS).read(token)
    assert (str(bearer.account), bearer.founder) == (person.id, False)
    me = (await portal.get("/me", token)).json()
    assert me["account"] == person.id and me["session"]["id"] == str(bearer.session)
    assert UUID(me["person_ref"]) == bearer.person


async def test_five_wrong_passwords_lock_and_nobody_is_told(portal: Portal) -> None:
    person, nobody = await portal.worker(), Person("", "nobody", "")
    answers = [await portal.sign_in(person, password=OTHER_PASSWORD) for _ in range(FAILURES)]
    answers += [await portal.sign_in(person), await portal.sign_in(nobody)]
    assert {told(answer) for answer in answers} == {NOT_LET_IN}
    assert len({answer.text for answer in answers}) == 1
    shown = await portal.get(f"/accounts/{person.id}", portal.founder)
    assert shown.json()["status"] == "locked"
    unlocked = await portal.post(
        f"/accounts/{person.id}/unlock", token=portal.founder, If_Match=shown.headers["etag"]
    )
    assert unlocked.status_code == 200, unlocked.text
    assert (await portal.sign_in(person)).status_code == 201
    again = await portal.post(f"/accounts/{person.id}/unlock", token=portal.founder)
    assert (*told(again), again.json()["allowed"]) == (
        *(409, "illegal_transition"),
        ["change_password", "disable_account", "reset_account"],
    )


async def test_a_lock_keeps_out_whoever_would_come_in_and_nobody_who_is_in(portal: Portal) -> None:
    person = await portal.worker()
    tokens = (await portal.sign_in(person)).json()
    for _ in range(FAILURES):
        await portal.sign_in(person, password=OTHER_PASSWORD)
    assert told(await portal.sign_in(person)) == NOT_LET_IN
    refresh = {"refresh_token": tokens["refresh_token"]}
    anew = await portal.post("/refresh", refresh)
    assert anew.status_code == 200
    assert (await portal.get("/me", anew.json()["access_token"])).status_code == 200


async def test_whoever_lost_a_phone_is_invited_anew_by_another(portal: Portal) -> None:
    person = await portal.worker()
    tokens = (await portal.sign_in(person)).json()
    path = f"/accounts/{person.id}/reset"
    own = founder_token(UUID(person.id))
    assert told(await portal.post(path, token=own)) == (409, "own_account")
    assert told(await portal.post(path, token=tokens["access_token"])) == (403, "role_not_allowed")
    reset = await portal.post(path, token=portal.founder)
    assert reset.status_code == 200, reset.text
    refresh = {"refresh_token": tokens["refresh_token"]}
    assert told(await portal.post("/refresh", refresh)) == REFUSED
    assert told(await portal.sign_in(person)) == NOT_LET_IN, "the old password is none"
    assert told(await portal.activate(person)) == NOT_LET_IN, "nor is the first invitation"
    person.invitation, person.password = reset.json()["invitation"], OTHER_PASSWORD
    assert (await portal.activate(person)).status_code == 200
    assert (await portal.sign_in(person)).status_code == 201


async def test_a_lock_has_a_timer_that_ends_it(portal: Portal) -> None:
    person = await portal.worker()
    for _ in range(FAILURES):
        await portal.sign_in(person, password=OTHER_PASSWORD)
    shown = (await portal.get(f"/accounts/{person.id}", portal.founder)).json()
    due = "SELECT due_at FROM timer WHERE name = 'lock' AND id = $1"
    rows = await portal.rows(due, UUID(person.id))
    assert [row["due_at"] for row in rows] == [datetime.fromisoformat(shown["locked_until"])]


async def test_a_session_is_refreshed_until_it_is_signed_out(portal: Portal) -> None:
    person = await portal.worker()
    tokens = (await portal.sign_in(person)).json()
    refresh = {"refresh_token": tokens["refresh_token"]}
    anew = await portal.post("/refresh", refresh)
    assert anew.status_code == 200 and anew.headers["cache-control"] == "no-store"
    assert anew.json().keys() == {"access_token", "expires_in", "token_type"}
    assert (await portal.get("/me", anew.json()["access_token"])).status_code == 200
    wrong = {"refresh_token": tokens["access_token"]}
    assert told(await portal.post("/refresh", wrong)) == REFUSED
    assert told(await portal.get("/me", tokens["refresh_token"])) == REFUSED
    for _ in range(2):
        assert (await portal.post("/sign-out", token=tokens["access_token"])).status_code == 204
    assert told(await portal.post("/refresh", refresh)) == REFUSED
    assert told(await portal.get("/me", tokens["access_token"])) == REFUSED


async def test_a_disabled_account_is_out_until_another_person_enables_it(portal: Portal) -> None:
    person = await portal.worker()
    tokens = (await portal.sign_in(person)).json()
    refresh = {"refresh_token": tokens["refresh_token"]}
    path = f"/accounts/{person.id}"
    by = founder_token(uuid7())
    assert (await portal.post(f"{path}/disable", token=by)).status_code == 200
    assert told(await portal.post("/refresh", refresh)) == REFUSED
    assert told(await portal.sign_in(person)) == NOT_LET_IN
    assert told(await portal.post(f"{path}/enable", token=by)) == (409, "same_person")
    enabled = await portal.post(f"{path}/enable", token=founder_token(uuid7()))
    assert enabled.status_code == 200 and "invitation" not in enabled.json()
    assert told(await portal.post("/refresh", refresh)) == REFUSED, "its sessions are over"
    assert (await portal.sign_in(person)).status_code == 201


async def test_whoever_never_activated_an_account_is_invited_again(
    portal: Portal,
) -> None:
    person = await portal.open(second_factor=False)
    path = f"/accounts/{person.id}"
    await portal.post(f"{path}/disable", token=founder_token(uuid7()))
    assert told(await portal.activate(person)) == NOT_LET_IN
    enabled = await portal.post(f"{path}/enable", token=founder_token(uuid7()))
    assert told(await portal.activate(person)) == NOT_LET_IN, "the lost one"
    person.invitation = enabled.json()["invitation"]
    assert (await portal.activate(person)).status_code == 200


async def test_one_person_has_one_account_and_one_name_one_owner(portal: Portal) -> None:
    who, key = str(uuid7()), str(uuid4())
    name = f"n{uuid4().hex[:12]}"
    body = {"name": name, "person_ref": who}
    first = await portal.post("/accounts", body, portal.founder, Idempotency_Key=key)
    again = await portal.post("/accounts", body, portal.founder, Idempotency_Key=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == {name: first.json()[name] for name in ("id", "version")}
    other = await portal.post("/accounts", body | {"name": "other.name"}, portal.founder)
    assert told(other) == (409, "account_exists")
    taken = await portal.post("/accounts", body | {"person_ref": str(uuid7())}, portal.founder)
    assert told(taken) == (409, "name_taken")


async def test_founders_have_a_second_factor_and_no_person(portal: Portal) -> None:
    body: dict[str, Any] = {"name": f"n{uuid4().hex[:12]}", "founder": True}
    for more, path in (
        ({"person_ref": str(uuid7())}, "/person_ref"),
        ({"second_factor": False}, "/second_factor"),
        ({"founder": False}, "/person_ref"),
    ):
        answer = await portal.post("/accounts", body | more, portal.founder)
        assert (answer.status_code, answer.json()["path"]) == (422, path)
    founder = await portal.open(person_ref=None, founder=True, name=body["name"])
    without = await portal.activate(founder)
    assert told(without) == (422, "second_factor_needed")
    founder.secret = pyotp.random_base32()
    assert (await portal.activate(founder)).status_code == 200
    token = (await portal.sign_in(founder)).json()["access_token"]
    assert (await portal.get("/accounts", token)).status_code == 200


async def founder_in_office(portal: Portal) -> Person:
    founder = await portal.open(person_ref=None, founder=True)
    founder.secret = pyotp.random_base32()
    assert (await portal.activate(founder)).status_code == 200
    return founder


async def test_of_two_founders_who_disable_each_other_at_once_one_stays(portal: Portal) -> None:
    """given: no founder but two; when: each disables the other at the same moment; then: one is
    disabled, and nobody disables the one who is left, nor do they themselves."""
    rows = await portal.rows("SELECT id FROM account WHERE founder AND status <> 'disabled'")
    for before in rows:
        await portal.post(f"/accounts/{before['id']}/disable", token=portal.founder)
    two = [await founder_in_office(portal) for _ in range(2)]
    for before in rows:
        await portal.post(f"/accounts/{before['id']}/disable", token=portal.founder)
    tokens = [founder_token(UUID(one.id)) for one in two]
    answers = await asyncio.gather(
        *(portal.post(f"/accounts/{two[1 - n].id}/disable", token=tokens[n]) for n in range(2))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert next(told(answer)[1] for answer in answers if answer.is_error) == "last_founder"
    left = next(n for n in range(2) if answers[1 - n].is_error)
    path = f"/accounts/{two[left].id}/disable"
    assert told(await portal.post(path, token=tokens[left])) == (409, "own_account")
    assert told(await portal.post(path, token=portal.founder)) == (409, "last_founder")


async def test_accounts_are_kept_by_founders_alone(portal: Portal) -> None:
    person = await portal.worker()
    token = (await portal.sign_in(person)).json()["access_token"]
    body = {"name": "somebody", "person_ref": str(uuid7())}
    path = f"/accounts/{person.id}"
    for step in ("unlock", "disable", "enable", "reset", "revoke-sessions"):
        assert told(await portal.post(f"{path}/{step}", token=token)) == (403, "role_not_allowed")
        assert told(await portal.post(f"{path}/{step}")) == REFUSED
    assert told(await portal.post("/accounts", body, token)) == (403, "role_not_allowed")
    for path in ("/accounts", f"/accounts/{person.id}"):
        assert told(await portal.get(path, token)) == (403, "role_not_allowed")
        assert told(await portal.client.get(path)) == REFUSED


@pytest.mark.parametrize(
    "password",
    ["q1w2e3r4t5y6", "Q1W2E3R4T5Y6", "一" * 12, "we love CivicGrid", "{name} and more"],
)
async def test_a_password_that_is_easily_found_is_refused(portal: Portal, password: str) -> None:
    person = await portal.open(second_factor=False)
    person.password = password.format(name=person.name)
    answer = await portal.activate(person)
    assert (*told(answer), answer.json()["path"]) == (422, "password_refused", "/password")
    person.password = "short"
    assert (await portal.activate(person)).status_code == 422


async def test_of_two_that_change_a_password_at_once_one_does(portal: Portal) -> None:
    """Both show the right one; the second shows it too late."""
    person = await portal.worker()
    tokens = [(await portal.signed_in(person))["access_token"] for _ in range(2)]
    bodies = [{"old_password": PASSWORD, "new_password": OTHER_PASSWORD + end} for end in "ab"]
    asked = zip(bodies, tokens, strict=True)
    answers = await asyncio.gather(
        *(portal.post("/accounts/password", body, token) for body, token in asked)
    )
    assert sorted(answer.status_code for answer in answers) == [204, 401]
    changed = next(n for n, answer in enumerate(answers) if answer.status_code == 204)
    person.password = bodies[changed]["new_password"]
    assert (await portal.sign_in(person)).status_code == 201


async def test_a_try_of_a_name_that_nobody_has_is_audited_too(portal: Portal) -> None:
    person = await portal.worker()
    rows = "SELECT count(*) AS n FROM audit WHERE action = 'sign_in' AND outcome = 'denied'"
    counts = [(await portal.rows(rows))[0]["n"]]
    for name in (person.name, f"n{uuid4().hex[:12]}"):
        body = {"name": name, "password": OTHER_PASSWORD}
        assert told(await portal.post("/sign-in", body)) == NOT_LET_IN
        counts.append((await portal.rows(rows))[0]["n"])
    assert counts == [counts[0], counts[0] + 1, counts[0] + 2]


async def test_a_changed_password_ends_all_other_sessions(portal: Portal) -> None:
    person = await portal.worker()
    first, second = [(await portal.sign_in(person)).json() for _ in range(2)]
    body = {"old_password": OTHER_PASSWORD, "new_password": OTHER_PASSWORD}
    wrong = await portal.post("/accounts/password", body, first["access_token"])
    assert told(wrong) == (422, "password_wrong")
    body["old_password"] = PASSWORD
    changed = await portal.post("/accounts/password", body, first["access_token"])
    assert changed.status_code == 204, changed.text
    kept, lost = [
        await portal.post("/refresh", {"refresh_token": one["refresh_token"]})
        for one in (first, second)
    ]
    assert (kept.status_code, told(lost)) == (200, REFUSED)
    assert told(await portal.sign_in(person)) == NOT_LET_IN
    assert (await portal.sign_in(person, password=OTHER_PASSWORD)).status_code == 201


async def test_the_oldest_session_makes_room_and_all_can_be_ended(portal: Portal) -> None:
    person = await portal.worker()
    portal.come_from_elsewhere()
    tokens = [(await portal.sign_in(person)).json() for _ in range(SESSIONS)]
    portal.come_from_elsewhere()
    tokens.append((await portal.sign_in(person)).json())
    answers = [
        await portal.post("/refresh", {"refresh_token": one["refresh_token"]}) for one in tokens
    ]
    assert [answer.status_code for answer in answers] == [401, *[200] * SESSIONS]
    ended = await portal.post(f"/accounts/{person.id}/revoke-sessions", token=portal.founder)
    assert ended.status_code == 200
    last = await portal.post("/refresh", {"refresh_token": tokens[-1]["refresh_token"]})
    assert told(last) == REFUSED


async def test_an_address_has_ten_tries_a_minute(portal: Portal) -> None:
    answers = [await portal.sign_in(Person("", "nobody", "")) for _ in range(10)]
    assert {told(answer) for answer in answers} == {NOT_LET_IN}
    more = await portal.sign_in(await portal.open())
    assert told(more) == (429, "too_many")
    assert 1 <= int(more.headers["retry-after"]) <= 60
    portal.come_from_elsewhere()
    assert told(await portal.sign_in(Person("", "nobody", ""))) == NOT_LET_IN


async def test_what_services_must_refuse_stands_in_the_newest_event(portal: Portal) -> None:
    person = await portal.worker()
    for _ in range(2):
        token = (await portal.sign_in(person)).json()["access_token"]
        await portal.post("/sign-out", token=token)
    await portal.post(f"/accounts/{person.id}/disable", token=portal.founder)
    records = [one for one in await records_of(portal) if one["account_id"] == person.id]
    ours = [one for one in records if "disabled" in one]
    ended = [one["session_id"] for one in ours if "ending" in one]
    assert ours[-1]["disabled"] and ours[-1]["revoked_sessions"] == ended and len(ended) == 2


async def test_planted_secrets_are_found_nowhere(
    portal: Portal, capfd: pytest.CaptureFixture[str]
) -> None:
    person = await portal.open(name="planted.wang-0417")
    person.password = "Planted: the Third Lighthouse"
    person.secret = pyotp.random_base32()
    answers = [await portal.activate(person), await portal.sign_in(person, password="planted-x")]
    answers.append(await portal.sign_in(person))
    tokens = answers[-1].json()
    answers = [answers[0], await portal.get("/me", tokens["access_token"])]
    answers.append(await portal.get(f"/accounts/{person.id}", portal.founder))
    invalid = {"name": person.name, "password": person.password, "planted": person.secret}
    answers.append(await portal.post("/sign-in", invalid))
    secrets = [
        *(person.name, person.password, person.secret, person.invitation, "planted-x"),
        *(tokens["access_token"], tokens["refresh_token"]),
        *("$argon2id$", hashlib.sha256(person.invitation.encode()).hexdigest()),
    ]
    places = {
        "answers": "\n".join(answer.text for answer in answers),
        "topics": json.dumps(await records_of(portal), ensure_ascii=False),
        "database": await everything_of(portal),
        "logs": "".join(capfd.readouterr()),
    }
    assert person.id in places["database"] and person.id in places["topics"]
    for place, text in places.items():
        assert not [secret for secret in secrets if secret.casefold() in text.casefold()], place


async def test_whoever_comes_in_or_fails_to_leaves_a_row_with_the_account(portal: Portal) -> None:
    person = await portal.worker()
    await portal.sign_in(person, password=OTHER_PASSWORD)
    token = (await portal.sign_in(person)).json()["access_token"]
    body = {"old_password": OTHER_PASSWORD, "new_password": OTHER_PASSWORD}
    await portal.post("/accounts/password", body, token)
    await portal.get("/me", token)
    await portal.get("/accounts", token)
    rows = await portal.rows(
        "SELECT action, outcome, code, actor FROM audit"
        " WHERE ids @> ARRAY[$1::uuid] OR actor = $1::text ORDER BY transaction_id, position",
        UUID(person.id),
    )
    by = {"open_account": str(Keyring(TOKENS).read(portal.founder).account)}
    nobody = ("activate_account", "sign_in")
    assert [tuple(row) for row in rows] == [
        (action, outcome, code, by.get(action, "nobody" if action in nobody else person.id))
        for action, outcome, code in (
            ("open_account", "done", None),
            ("activate_account", "done", None),
            ("sign_in", "denied", "not_let_in"),
            ("sign_in", "done", None),
            ("change_password", "denied", "password_wrong"),
            ("show_me", "done", None),
            ("list_accounts", "denied", "role_not_allowed"),
        )
    ]


async def test_every_state_is_the_fold_of_its_events(portal: Portal) -> None:
    await check_states(portal.settings, SERVICE)


async def test_a_portal_without_keys_does_not_start(portal: Portal, tmp_path: Path) -> None:
    for folder in (None, tmp_path):
        settings = portal.settings.model_copy(update={"tokens": folder})
        with pytest.raises(SettingsError, match=r"CIVICGRID_TOKENS.*civicgrid init"):
            async with started([SERVICE], settings):
                pass
