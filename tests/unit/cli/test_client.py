"""Whose rights a command uses, and whom it shows them to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.client import Refusal
from cli.main import app
from libs.rights.tokens import make_keys

NOWHERE = "http://127.0.0.1:9"


@dataclass
class Stranger:
    """Answers 401 to whatever comes, and remembers it."""

    url: str = ""
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    there = Stranger()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            there.asked.append((self.path, dict(self.headers)))
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
        file.write_text(json.dumps({url: "a refresh token"}))


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
    assert str(Refusal(told)) == (
        "What was sent is not valid. --type: This is required."
        " --lon: This is too large: at most 180."
    )


def test_what_is_allowed_is_a_sentence_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "C")
    told = {
        "title": "?",
        "detail": "It does not allow that command.",
        "allowed": ["sign", "return"],
    }
    assert str(Refusal(told)) == "It does not allow that command. Allowed now: sign, return."


def test_a_message_is_in_one_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    told = {"title": "?", "detail": "当前状态不允许该操作。", "allowed": ["sign", "return"]}
    assert str(Refusal(told)) == "当前状态不允许该操作。 当前允许：sign, return。"
