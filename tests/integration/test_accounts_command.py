"""From nothing to a founder who is signed in, by the command alone."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyotp
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from cli.main import app
from libs.common import provisioning
from libs.common.database import session
from libs.common.ids import uuid7
from services.portal.main import SERVICE
from tests.support.processes import ServiceProcess
from tests.support.servers import ROOT, TOKENS, Ground
from tests.support.town import forget_topics

PASSWORD = "Three boats in the fog"
SECRET = pyotp.random_base32()


def code(steps: int = 0) -> str:
    """Of a period from now on: it is good in the one before and in the one after, so that neither
    a slow machine nor the end of a period makes it wrong."""
    return pyotp.TOTP(SECRET).at(time.time() + 30 * steps)


@dataclass
class Command:
    """The command of one user, who has a home of their own."""

    home: Path
    url: str
    tokens: Path
    lang: str = "C"

    def run(self, *arguments: str, told: str = "", ends: int = 0) -> str:
        done = self._done(arguments, told)
        assert done.exit_code == ends, (done.output, done.exception)
        return done.output

    def fails(self, *arguments: str, why: str, told: str = "") -> None:
        """`why`: in what it says of it."""
        done = self._done(arguments, told)
        assert done.exit_code != 0 and why in str(done.exception), (done.output, done.exception)

    def _done(self, arguments: Sequence[str], told: str) -> Result:
        environment = {
            "CITY_URL": self.url,
            "CIVICGRID_TOKENS": str(self.tokens),
            "XDG_CONFIG_HOME": str(self.home),
            "COLUMNS": "200",
            "LC_ALL": self.lang,
        }
        return CliRunner().invoke(app, [*arguments], input=told, env=environment)


@pytest.fixture
async def portal(servers: Ground, tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    file = provisioning.topics_file(ROOT)
    await forget_topics(servers, list(file.topics))
    settings = await servers.provide([SERVICE], file)
    process = ServiceProcess(("services.portal",), settings, tmp_path / "portal.log")
    process.start()
    try:
        await process.ready()
        yield process
    finally:
        assert process.stop() == 0


async def test_the_first_founder_signs_in_and_opens_another_account(
    portal: ServiceProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyotp, "random_base32", lambda: SECRET)
    keys = shutil.copytree(TOKENS, tmp_path / "keys")
    command = Command(tmp_path / "home", portal.url, keys)
    made = command.run("init", "--url", portal.url)
    invitation = re.findall(r"7 days: (\S+)", made)[0]
    again = command.run("init")
    assert "there is a founder already" in again and "invitation" not in again
    assert "nobody was signed in" in command.run("logout")
    answers = ["not " + invitation, PASSWORD, PASSWORD, code()]
    told = "\n".join(answers) + "\n"
    command.fails("accounts", "activate", "founder", told=told, why="accounts reset ACCOUNT")
    monkeypatch.setattr("cli.accounts.console", Console(force_terminal=True, width=200))
    answers = [invitation, "short", "founder-of-all", PASSWORD, "another", PASSWORD, PASSWORD]
    answers += [code()]
    shown = command.run("accounts", "activate", "founder", told="\n".join(answers) + "\n")
    assert shown.count("this password is not taken: it needs 12 to 128 characters") == 2
    assert shown.count("these two are not the same") == 1
    assert "secret into your app: " + SECRET in shown and PASSWORD not in shown
    assert re.search(r"otpauth://totp/civicgrid:founder\?[ -~]+\n", shown)
    wrong = f"{PASSWORD}\n\n"
    assert "not signed in" in command.run("login", "founder", told=wrong, ends=1)
    command.run("login", "founder", told=f"{PASSWORD}\n{code(1)}\n")
    file = tmp_path / "home" / "civicgrid" / "sessions.json"
    assert file.stat().st_mode & 0o077 == 0
    me = json.loads(command.run("whoami", "--json"))
    assert me["founder"] and me["person_ref"] is None
    assert (me["name"], me["posts"]) == ("founder", [])
    command.fails("accounts", "disable", me["account"], why="their own account")
    command.fails("accounts", "open", "founder", "--founder", why="name belongs to another")
    told = command.run("accounts", "open", "z.wang", "--person", str(uuid7()), "--json")
    id = json.loads(told)["id"]
    said = command.run("accounts", "reset", id)
    assert "shown this once and good for" in said and "accounts activate NAME`" in said
    for step in ("disable", "revoke-sessions"):
        assert "done" in command.run("accounts", step, id)
    rows = json.loads(command.run("accounts", "list", "--json", "--status", "disabled"))
    assert [row["id"] for row in rows] == [id]
    command.fails("accounts", "list", "--status", "foo", why="--status: This is none of 'invited'")
    assert "signed out" in command.run("logout")
    assert json.loads(file.read_text()) == {}
    log = (tmp_path / "portal.log").read_text()
    assert not [one for one in (PASSWORD, SECRET, invitation, "z.wang") if one in log]


async def test_a_city_whose_founders_are_all_gone_gets_another(
    portal: ServiceProcess, tmp_path: Path
) -> None:
    """given: a city whose one founder has not come yet; when: `init` is run again; then: it tells
    until when, and once that is over it opens the account of another, under another name."""
    keys = shutil.copytree(TOKENS, tmp_path / "keys")
    command = Command(tmp_path / "home", portal.url, keys)
    command.run("init", "--url", portal.url)
    assert "there is a founder already, who has until" in command.run("init").replace("\n", " ")
    over = "jsonb_set(state, '{invited_until}', '\"2020-01-01T00:00:00Z\"')"
    async with session(portal.settings.url("portal", "writer")) as connection:
        await connection.execute(f"UPDATE account SET state = {over}")
    command.fails("init", why="--founder NAME")
    assert "7 days: " in command.run("init", "--founder", "another")
    assert "there is a founder already" in command.run("init", "--founder", "a.third")


@pytest.mark.parametrize("words", [("login", "founder"), ("accounts", "activate", "founder")])
def test_where_input_ends_too_soon_nothing_is_done(tmp_path: Path, words: Sequence[str]) -> None:
    """given: input that is no terminal, and ends; when: something must be asked; then: it is told
    what for, by one line and no warning."""
    command = Command(tmp_path, "http://127.0.0.1:9", tmp_path / "tokens")
    command.fails(*words, why="nothing was done: the input ends before the line for")


def test_keys_are_made_before_there_is_a_city_and_stay(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    command = Command(tmp_path, nowhere, tmp_path / "tokens")
    assert "made, in" in command.run("init", "--url", nowhere).replace("\n", "")
    key = (tmp_path / "tokens" / "signing.pem").read_text()
    again = command.run("init")
    assert "there already" in again and "no city answers yet" in again
    assert (tmp_path / "tokens" / "signing.pem").read_text() == key


async def test_a_city_with_other_keys_is_told_from_one_that_is_away(
    portal: ServiceProcess, tmp_path: Path
) -> None:
    command = Command(tmp_path, portal.url, tmp_path / "tokens")
    assert "knows other keys" in command.run("init", "--url", portal.url, ends=1)
