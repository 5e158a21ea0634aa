"""What is told of people, by the command of whoever handles it: read, held, erased, kept."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from cli.client import City
from cli.passes import Pass
from libs.common.ids import uuid7
from services.registry import reference
from tests.e2e.small_city.plan import CELL, COMMUNITY, PARENT, persons_of_the_plan
from tests.e2e.small_city.test_content import OFFICER
from tests.e2e.small_city.test_sharing import batch
from tests.integration.test_accounts_command import Command
from tests.support.accounts import sign_in
from tests.support.awaiting import eventually
from tests.support.command import Commands, city_up
from tests.support.servers import Ground
from tests.support.town import PLAN, PRIVACY_OFFICER, SEED

THERE = next(code for code in PARENT if len(code) == len(CELL) and not code.startswith(COMMUNITY))
"""A cell of another community."""
COMMANDER = reference.commander(PLAN, SEED)


@dataclass
class Signed(Command):
    """In, as somebody with a post."""

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json"))


@pytest.fixture(scope="module")
async def city(
    servers: Ground, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Commands]:
    """A small one, whose command centre sees what is new by now."""
    async with city_up(servers, tmp_path_factory.mktemp("people")) as there:
        assert there.settings.tokens
        url = there.process.url
        as_both = Pass(there.settings.tokens, COMMANDER)
        for answers in City(url, as_both.token).load(reference.batches(PLAN, SEED)):
            assert all(answer["status"] < 300 for answer in answers)
        async with httpx.AsyncClient(base_url=url, auth=as_both) as client:
            for path in ("/leads", "/retention-reviews"):
                await eventually(partial(client.get, path), lambda answer: answer.is_success)
        yield there


def signed_in(city: Commands, person: UUID) -> Signed:
    home, url = city.home.with_name(str(person)), city.process.url
    sign_in(city.settings, url, home, person)
    assert city.settings.tokens
    return Signed(home, url, city.settings.tokens)


@pytest.fixture(scope="module")
def commander(city: Commands) -> Signed:
    return signed_in(city, COMMANDER)


@pytest.fixture(scope="module")
def privacy(city: Commands) -> Signed:
    return signed_in(city, PRIVACY_OFFICER)


@pytest.fixture(scope="module")
def informant(city: Commands) -> Signed:
    """Of CELL."""
    persons = persons_of_the_plan()
    theirs = next(one for one in persons if one.role == "grid_informant" and one.area == CELL)
    return signed_in(city, theirs.id)


@pytest.fixture(scope="module")
def officer(city: Commands) -> Signed:
    """Of the community of CELL."""
    return signed_in(city, OFFICER.id)


def submitted(there: Signed) -> str:
    told = ("--type", "theft", "--cell", CELL, "--text", "two men and a ladder")
    return str(there.json("lead", "submit", *told)["id"])


async def test_who_is_signed_in_sees_by_which_name_and_which_posts_they_hold(
    officer: Signed, commander: Signed
) -> None:
    me = officer.json("whoami")
    (post,) = me["posts"]
    assert (post["role"], post["area"]) == ("community_officer", COMMUNITY)
    shown = officer.run("whoami")
    assert me["name"] in shown and f"community_officer of {COMMUNITY}" in shown
    assert "command_operator of" in commander.run("whoami")


async def test_what_was_told_is_read_for_a_purpose(commander: Signed) -> None:
    lead = submitted(commander)
    shown = commander.run("lead", "content", lead)
    assert "two men and a ladder" in shown and "recorded" in shown
    told = commander.json("lead", "content", lead)
    assert told == {"id": lead, "text": "two men and a ladder"}
    allowed = "--purpose {} does not open what was told of a lead. Allowed: handle_leads (to handle"
    for purpose in ("curiosity", "assess_offices"):
        why = allowed.format(purpose)
        commander.fails("lead", "content", lead, "--purpose", purpose, why=why)
    assert "two men" not in commander.run("lead", "show", lead)


async def test_what_the_police_share_comes_in_by_two_persons(
    city: Commands, commander: Signed, officer: Signed, tmp_path: Path
) -> None:
    pem, file = tmp_path / "bureau.pem", tmp_path / "batch.json"
    assert "signs for bureau" in commander.run("sharing", "key", "bureau", str(pem))
    assert pem.stat().st_mode & 0o077 == 0
    commander.fails("sharing", "key", "bureau", str(pem), why="is there already")
    file.write_text(json.dumps(batch(document=None)))
    submit = ("sharing", "submit", str(file), "--key", str(pem))
    officer.fails(*submit, why=" document: This is required.")
    file.write_text(json.dumps(batch(purpose=None)))
    officer.fails(*submit, why=" purpose: This is required.")
    file.write_text(json.dumps(batch()))
    assert "submitted" in officer.run(*submit) and "known already" in officer.run(*submit)
    (one,) = commander.json("sharing", "batches", "--status", "submitted")
    assert "released prisoner" in commander.run("sharing", "category", one["id"]).replace("_", " ")
    assert "approved" in commander.run("sharing", "approve", one["id"])
    first, second = officer.json("sharing", "entries")
    shown = officer.json("sharing", "entry", first["id"], "--purpose", "resettle")
    assert shown["cell"] == CELL and shown["name"] in ("Han Mei", "Li Lei")
    officer.fails("sharing", "entry", first["id"], "--purpose", "road_safety", why="no such thing")
    assert commander.json("sharing", "entries") == []
    later = (datetime.now(UTC) + timedelta(days=90)).date().isoformat()
    assert "in force" in officer.run("sharing", "retain", second["id"], later, "still_needed")
    assert "withdrawn" in officer.run("sharing", "withdraw", first["id"], "no_longer_needed")
    assert [row["id"] for row in officer.json("sharing", "entries")] == [second["id"]]


async def test_what_is_held_is_not_erased_until_it_is_released(
    commander: Signed, privacy: Signed
) -> None:
    lead = submitted(commander)
    assert "held" in privacy.run("subjects", "hold", lead, "court-2026-17")
    privacy.run("subjects", "erase", lead, ends=1)
    assert commander.json("lead", "content", lead)["text"]
    assert "released" in privacy.run("subjects", "release", lead)
    rows = privacy.json("subjects", "list", "--status", "granted")
    assert [row["id"] for row in rows] == [lead]
    assert "erased, and confirmed by every service" in privacy.run("subjects", "erase", lead)
    assert commander.json("lead", "content", lead) == {"id": lead}


async def test_an_erasure_goes_on_from_where_it_stopped(commander: Signed, privacy: Signed) -> None:
    """given: requests that were filed alone, or refused, as by a network that was cut; when: the
    command is run; then: it goes on; with a reason that could not be granted nothing is filed."""
    for answer in (None, False):
        lead = submitted(commander)
        city = City(privacy.url, Pass(privacy.tokens, PRIVACY_OFFICER).token)
        filed = city.post("/subject-requests", {"record": lead})
        if answer is not None:
            told = {"granted": answer, "reason": "not_theirs"}
            city.post(f"/subject-requests/{filed['id']}/decide", told, version="*")
        said = privacy.run("subjects", "erase", lead)
        assert f"erased, and confirmed by every service: {lead}" in said
    other = submitted(commander)
    assert "--reason" in privacy.run("subjects", "erase", other, "--reason", "Not so!", ends=2)
    assert other not in privacy.run("subjects", "list")


async def test_what_is_erased_already_is_told_so(commander: Signed, privacy: Signed) -> None:
    lead = submitted(commander)
    privacy.run("subjects", "erase", lead)
    said = privacy.run("subjects", "erase", lead)
    assert "erased already, at 20" in said and "confirmed by alerts, leads, mediation" in said
    said = privacy.run("subjects", "erase", lead, "--party", "reporter")
    assert "erased already, at 20" in said and "with its record" in said


async def test_who_is_not_known_is_not_erased(privacy: Signed) -> None:
    nobody = str(uuid7())
    privacy.fails("subjects", "erase", nobody, why=f"no case has the id {nobody}")
    assert nobody not in privacy.run("subjects", "list")


async def test_an_account_is_erased_by_who_says_that_it_is_one(
    city: Commands, commander: Signed, privacy: Signed
) -> None:
    person = str(uuid7())
    city.run("accounts", "open", "a.name.to.go", "--person", person)
    (account,) = city.json("accounts", "list", "--person", person)
    privacy.fails("subjects", "erase", account["id"], why="--account")
    as_account = ("subjects", "erase", account["id"], "--account")
    privacy.fails(*as_account, "--party", "reporter", why="nothing was erased")
    assert "erased, and confirmed by every service" in privacy.run(*as_account)
    privacy.fails("subjects", "erase", str(uuid7()), "--account", why="nothing was erased")


async def test_what_the_police_share_is_erased_by_who_says_that_it_is_that(
    commander: Signed, officer: Signed, privacy: Signed, tmp_path: Path
) -> None:
    """given: two entries in force, which a privacy officer sees nowhere; when: one is erased; then:
    so it is said, and it is read no more; a second time, or with another id, nothing is erased."""
    pem, file = tmp_path / "bureau.pem", tmp_path / "batch.json"
    commander.run("sharing", "key", "bureau", str(pem))
    file.write_text(json.dumps(batch()))
    known = {row["id"] for row in officer.json("sharing", "entries")}
    officer.run("sharing", "submit", str(file), "--key", str(pem))
    (one,) = commander.json("sharing", "batches", "--status", "submitted")
    commander.run("sharing", "approve", one["id"])
    first, second = (
        row["id"] for row in officer.json("sharing", "entries") if row["id"] not in known
    )
    privacy.fails("subjects", "erase", first, why="--shared")
    said = privacy.run("subjects", "erase", first, "--shared")
    assert "erased, and confirmed by every service" in said
    officer.fails("sharing", "entry", first, "--purpose", "resettle", why="no such thing")
    privacy.fails("subjects", "hold", first, "court-2026-27", why="comes too late")
    nobody = str(uuid7())
    privacy.fails("subjects", "erase", nobody, "--shared", why="nothing was erased")
    (row,) = [row for row in privacy.json("subjects", "list") if row["id"] == nobody]
    assert (row["status"], row["reason"]) == ("refused", "no_content")
    assert "no content of it now" in privacy.run("subjects", "hold", nobody, "court-2026-28")
    shown = officer.json("sharing", "entry", second, "--purpose", "resettle")
    assert shown["name"] in ("Han Mei", "Li Lei")


async def test_a_lead_without_a_place_waits_until_somebody_finds_it(commander: Signed) -> None:
    said = commander.run("lead", "submit", "--type", "theft")
    assert "it has no place in the city: it waits" in said
    rows = commander.json("leads", "unrouted")
    assert [row["id"] in said for row in rows] == [True]
    assert "no place" in commander.run("leads", "unrouted")
    assert "no place" in commander.run("lead", "show", rows[0]["id"])


async def test_of_a_lead_is_told_only_what_whoever_captured_it_may_ask(
    informant: Signed, officer: Signed, commander: Signed
) -> None:
    """given: people who see leads of their cell, of their community, and of the city; when: they
    capture one here, elsewhere, or without a place; then: what is told works for each of them."""
    submit = ("lead", "submit", "--type", "theft")
    for there, sees in ((informant, (CELL,)), (officer, (CELL,)), (commander, (CELL, THERE, ""))):
        for cell in (CELL, THERE, ""):
            said = there.run(*submit, *(("--cell", cell) if cell else ()))
            assert ("civicgrid lead show" in said) == (cell in sees), (there.home.name, cell)
            assert ("leads unrouted" in said) == (there is commander and not cell)
            if shown := re.findall(r"civicgrid lead show (\S+)", said):
                there.run("lead", "show", *shown)


async def test_a_lead_shows_the_rule_that_routed_it(commander: Signed) -> None:
    shown = commander.run("lead", "show", submitted(commander))
    assert "urgent-to-police" in shown and "rule set" in shown


async def test_who_may_see_a_lead_and_not_what_happened_to_it_sees_the_lead(
    commander: Signed, privacy: Signed
) -> None:
    lead = submitted(commander)
    shown = privacy.run("lead", "show", lead)
    assert lead in shown and "what happened to it is not for your posts" in shown
    told = privacy.json("lead", "show", lead)
    assert (told["id"], told["timeline"]) == (lead, None)
    assert len(commander.json("lead", "show", lead)["timeline"]) > 1


async def test_what_is_wrong_with_a_lead_is_told_by_its_options(commander: Signed) -> None:
    submit = ("lead", "submit", "--type")
    commander.fails(*submit, "gas", why="--type: There is no such lead type. There are: theft,")
    chinese = replace(commander, lang="zh_CN.UTF-8")
    chinese.fails(*submit, "gas", why="--type: 没有该线索类型。现有：theft, fraud")
    commander.fails(*submit, "theft", "--lon", "200", "--lat", "0", why="--lon: This is too large")
    commander.fails(*submit, "theft", "--text", "", why="--text: This is too short")
    commander.fails(*submit, "theft", "--lon", "20", why="both a longitude and a latitude")


async def test_who_may_see_accounts_and_posts_sees_whose_posts_an_account_has(
    city: Commands, commander: Signed
) -> None:
    told = ("accounts", "list", "--person", str(COMMANDER), "--posts")
    (account,) = city.json(*told)
    (post,) = account["posts"]
    assert post.startswith("command_operator of ") and post in city.run(*told)


async def test_an_account_of_who_holds_no_post_is_opened_and_that_is_told(
    city: Commands, informant: Signed
) -> None:
    founder = replace(informant, home=city.home)
    head = next(one for one in persons_of_the_plan() if one.role == "grid_head")
    for number, (person, warned) in enumerate(((head.id, False), (uuid7(), True))):
        said = founder.run("accounts", "open", f"bob.{number}", "--person", str(person))
        assert "invitation" in said and ("holds no post" in said) == warned


async def test_what_is_erased_is_confirmed_by_every_service(
    commander: Signed, privacy: Signed
) -> None:
    lead = submitted(commander)
    assert "confirmed by every service" in privacy.run("subjects", "erase", lead)
    assert commander.json("lead", "content", lead) == {"id": lead}
    rows = privacy.json("subjects", "list", "--status", "confirmed")
    assert [row["missing"] for row in rows if row["id"] == lead] == [[]]


async def test_what_is_not_theirs_is_seen_with_leave_for_a_while(
    commander: Signed, officer: Signed, privacy: Signed
) -> None:
    told = ("--type", "theft", "--cell", THERE, "--text", "a child in a red coat")
    lead = str(commander.json("lead", "submit", *told)["id"])
    officer.run("lead", "show", lead, ends=1)
    why = ("missing_person", "the child was last seen there")
    officer.run("access", "request", *why, "--record", lead, "--case", lead)
    (asked,) = officer.json("access", "list")
    grant = str(asked["id"])
    officer.run("access", "approve", grant, ends=1)
    assert grant in commander.run("access", "list", "--status", "requested")
    opened = ("lead", "show", lead, "--grant", grant)
    officer.fails(*opened, why="nobody has granted it yet")
    commander.run("access", "approve", grant)

    async def shown() -> bool:
        try:
            return "red coat" in officer.run("lead", "content", lead, "--grant", grant)
        except AssertionError:
            return False

    await eventually(shown, bool)
    assert why[1] in officer.run("access", "show", grant)
    officer.run("access", "end", grant)
    ended = officer.json("access", "show", grant)
    assert ended["status"] == "ended"
    listed = officer.run("access", "list")
    assert ended["ended_at"] in listed and ended["ends_at"] not in listed
    over = f"your grant {grant} opens nothing: it ended at {ended['ended_at']}"

    async def is_told() -> bool:
        try:
            officer.fails(*opened, why=over)
        except AssertionError:
            return False
        return True

    await eventually(is_told, bool)
    officer.fails("lead", "content", lead, "--grant", grant, why=over)
    commander.fails(*opened, why="There is no such thing")
    commander.run("access", "review", grant, "in_order", "brought home", ends=1)
    privacy.run("lead", "content", lead, ends=1)
    privacy.run("access", "review", grant, "in_order", "brought home")
    assert privacy.json("access", "show", grant)["status"] == "reviewed"
    officer.run("access", "refuse", grant, ends=1)


async def test_a_founder_appoints_a_privacy_officer_where_there_is_none(city: Commands) -> None:
    told = ("registry", "appoint", "second", "--role", "privacy_officer", "--area")
    said = city.run(*told, PLAN.levels[0].first_code)
    assert "made the post second: privacy_officer of " in said and "of no office" in said
    *_, person = said.split()
    other = signed_in(city, UUID(person))

    async def seen() -> bool:
        try:
            return bool(other.run("subjects", "list"))
        except AssertionError:
            return False

    await eventually(seen, bool)


async def test_nothing_is_due_in_a_young_city(commander: Signed) -> None:
    assert json.loads(commander.run("leads", "due", "--json")) == []
    commander.run("lead", "keep", submitted(commander), "2099-01-01", "court_case", ends=1)
