"""Whose rights a command uses, and whom it shows them to."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner, Result

from cli import leads, main
from cli.client import Refusal, language
from cli.main import app
from libs.rights.tokens import make_keys

NOWHERE = "http://127.0.0.1:9"


@dataclass
class Stranger:
    """Answers 401 to whatever comes, and remembers it."""

    url: str = ""
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    there = Stranger()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            there.asked.append((self.path, dict(self.headers)))
            there.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            body = json.dumps({"title": "Unauthorized"}).encode()
            self.send_response(401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    there.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield there
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Machine:
    """Of an operator, who holds the keys of a city; `CITY_URL` names whom its commands ask."""

    folder: Path
    city_url: str

    @property
    def tokens(self) -> Path:
        return self.folder / "tokens"

    def run(self, *arguments: str) -> Result:
        environment = {
            "CITY_URL": self.city_url,
            "CIVICGRID_TOKENS": str(self.tokens),
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
            "DATABASE_URL": "postgresql://{role}:x@127.0.0.1:9/{service}",
            "XDG_CONFIG_HOME": str(self.folder),
            "COLUMNS": "200",
        }
        return CliRunner().invoke(app, [*arguments], env=environment)

    def keep_session(self, url: str) -> None:
        file = self.folder / "civicgrid" / "sessions.json"
        file.parent.mkdir()
        file.write_text(json.dumps({url: {"name": "li.na", "refresh_token": "a refresh token"}}))


@pytest.fixture
def machine(tmp_path: Path, stranger: Stranger) -> Machine:
    make_keys(tmp_path / "tokens")
    return Machine(tmp_path, stranger.url)


COMMANDS = (
    ("accounts", "list"),
    ("whoami",),
    ("registry", "show"),
    ("lead", "submit", "--type", "gas_bottle"),
)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_of_nobody_asks_nothing_though_the_keys_lie_here(
    machine: Machine, stranger: Stranger, arguments: tuple[str, ...]
) -> None:
    done = machine.run(*arguments)
    assert done.exit_code == 1
    assert "civicgrid login" in str(done.exception)
    assert stranger.asked == []


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_whose_session_has_ended_does_nothing(
    machine: Machine, stranger: Stranger, arguments: tuple[str, ...]
) -> None:
    machine.keep_session(stranger.url)
    done = machine.run(*arguments)
    assert done.exit_code == 1
    assert "civicgrid login" in str(done.exception)
    assert stranger.paths == ["/refresh"]
    assert "Authorization" not in stranger.asked[0][1]


def test_a_pass_is_not_shown_to_whatever_the_environment_names(
    machine: Machine, stranger: Stranger
) -> None:
    (machine.tokens / "city").write_text(NOWHERE)
    done = machine.run("init")
    assert "no city answers yet" in done.output
    assert stranger.asked == []


def test_a_pass_is_not_shown_to_another_city_than_the_one_noted_beside_its_keys(
    machine: Machine, stranger: Stranger
) -> None:
    assert "no city answers yet" in machine.run("init", "--url", NOWHERE).output
    done = machine.run("init", "--url", stranger.url)
    assert done.exit_code == 1
    assert NOWHERE in str(done.exception)
    assert stranger.asked == []


def test_each_fault_is_told_by_the_name_of_its_option() -> None:
    faults = [
        {"path": "/lead_type", "code": "x", "message": "This is required."},
        {"path": "/longitude", "code": "x", "message": "This is too large: at most 180."},
    ]
    told = {"title": "?", "detail": "What was sent is not valid.", "errors": faults}
    assert str(Refusal(told, leads.OPTIONS)) == (
        "What was sent is not valid. --type: This is required."
        " --lon: This is too large: at most 180."
    )
    assert "lead_type: This is required." in str(Refusal(told)), "a command without such options"


@pytest.mark.parametrize(
    "url", ["nonsense", "127.0.0.1:8080", "ftp://there", "http://", "http:// x"]
)
@pytest.mark.parametrize("words", [("login", "li.na"), ("whoami",), ("init",)], ids=" ".join)
def test_what_is_no_address_is_told_before_anything_is_asked(
    machine: Machine, words: tuple[str, ...], url: str
) -> None:
    done = machine.run(*words, "--url", url)
    assert done.exit_code == 2 and "such as http://127.0.0.1:8080" in done.output
    assert "Password" not in done.output
    assert not (machine.tokens / "city").exists()


def test_what_is_piped_in_signs_in_without_a_question(machine: Machine, stranger: Stranger) -> None:
    """given: a password, and perhaps a code, in a file; when: it is the input of `login`; then: it
    is sent, and nothing is asked, shown or warned of."""
    environment = {**os.environ, "CITY_URL": stranger.url, "XDG_CONFIG_HOME": str(machine.folder)}
    for lines, code in (("a secret\n", None), ("a secret\r\n123456", "123456")):
        done = subprocess.run(
            [sys.executable, "-m", "cli", "login", "li.na"],
            input=lines,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        sent = {"name": "li.na", "password": "a secret", "code": code}
        assert json.loads(stranger.bodies[-1]) == sent
        assert done.stdout.startswith("not signed in") and done.stderr == ""


def test_every_command_says_what_it_does() -> None:
    def silent(command: Any, *names: str) -> list[str]:
        if hasattr(command, "commands"):
            return [
                one
                for name in command.commands
                for one in silent(command.commands[name], *names, name)
            ]
        return [] if command.help else [" ".join(names)]

    assert silent(typer.main.get_command(app)) == []


def test_doctor_says_that_it_starts_servers(machine: Machine) -> None:
    assert "starts those of this machine" in " ".join(
        machine.run("doctor", "--help").output.split()
    )


def test_a_full_disk_is_no_server_that_is_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(main, "_quiet_logs", lambda: None)
    monkeypatch.setattr(main, "app", full)
    with pytest.raises(SystemExit):
        main.main()
    assert "No space left" in capsys.readouterr().err


def test_servers_that_are_down_are_told_in_words() -> None:
    nowhere = {
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
        "DATABASE_URL": "postgresql://{role}:a-long-secret-of-tests@127.0.0.1:9/{service}",
    }
    for words in (["status"], ["dead-letters", "list"]):
        done = subprocess.run(
            [sys.executable, "-m", "cli", *words],
            env={**os.environ, **nowhere},
            capture_output=True,
            text=True,
            timeout=60,
        )
        told = " ".join(done.stderr.split())
        assert done.returncode == 1 and told.endswith("answer: is `civicgrid up` running?"), told
        assert "Error" not in told and "Errno" not in told


@pytest.mark.parametrize(
    ("set_to", "wanted"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "C", "LC_ALL": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
    ],
)
def test_what_overrides_a_language_is_as_in_any_command(
    monkeypatch: pytest.MonkeyPatch, set_to: dict[str, str], wanted: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in set_to.items():
        monkeypatch.setenv(name, value)
    assert language() == wanted


def test_what_is_allowed_is_a_sentence_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    told = {
        "title": "?",
        "detail": "It does not allow that command.",
        "allowed": ["sign", "return"],
    }
    assert str(Refusal(told)) == "It does not allow that command. Allowed now: sign, return."


def test_a_message_is_in_one_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    told = {"title": "?", "detail": "当前状态不允许该操作。", "allowed": ["sign", "return"]}
    assert str(Refusal(told)) == "当前状态不允许该操作。 当前允许：sign, return。"
