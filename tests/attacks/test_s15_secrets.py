"""S15: a secret is where its owner put it, and nowhere else; one that is no secret starts nothing.

Short and usual passwords, keys of other kinds, and keys that change while requests come:
`tests/unit/common/test_settings.py`, `tests/unit/rights/test_tokens.py`. What people sign in by:
`tests/integration/portal/test_sign_in.py`.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import ServiceProcess
from tests.support.servers import PASSWORD, ROOT, Ground

SHAPES = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{32}"),
    "a private JWK": re.compile(r'"d"\s*:\s*"[A-Za-z0-9_-]{43}"'),
    "a token": re.compile(r"eyJ[A-Za-z0-9_-]{16,}\.eyJ[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    "a password hash": re.compile(r"\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+\$\w{16}"),
    "a URL with a password": re.compile(r"[a-z+]+://[^\s:/@{}'\"]+:[^\s@{}'\"/$]{6,}@[a-z0-9]"),
    "a key of a cloud": re.compile(r"AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[bp]-\d+"),
    "a set secret": re.compile(
        r"(?i)(password|secret|token)[a-z_]*\s*[:=]\s*[\"'][A-Za-z0-9+/_-]{20,}[\"']"
    ),
}
FOR_TESTS = re.compile(r"127\.0\.0\.1:1\b|a-long-secret|nobody-at-all")


def committed() -> Iterator[Path]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in names.stdout.decode().split("\0"):
        if name and not name.endswith(".lock") and (ROOT / name).is_file():
            yield ROOT / name


@pytest.mark.parametrize("name", ["bureau.pem", "leads.dump", "anchors.jsonl", "anchors-2.jsonl"])
def test_what_documented_commands_write_is_not_committed_by_mistake(name: str) -> None:
    command = ["git", "check-ignore", "--quiet", name]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def test_no_secret_is_in_the_repository() -> None:
    found = []
    for file in committed():
        text = file.read_text(encoding="utf-8", errors="replace")
        for kind, shape in SHAPES.items():
            lines = [one for one in text.splitlines() if shape.search(one)]
            found += [f"{file}: {kind}" for one in lines if not FOR_TESTS.search(one)]
        found += [f"{file}: {kind}" for kind in ("a private key",) if SHAPES[kind].search(text)]
    assert found == []


def test_the_shapes_find_what_they_are_for() -> None:
    planted = {
        "a private key": "-----BEGIN EC PRIVATE " + "KEY-----\n" + "A" * 40,
        "a private JWK": '"d": "' + "A" * 43 + '"',
        "a token": "eyJ" + "a" * 20 + ".eyJ" + "b" * 20 + "." + "c" * 20,
        "a password hash": "$argon2id$" + "v=19$m=65536,t=3,p=4$" + "a" * 16,
        "a URL with a password": "postgresql://leads_writer:" + "hunter2hunter2" + "@db/leads",
        "a key of a cloud": "AKIA" + "A" * 16,
        "a set secret": 'api_token = "' + "a" * 24 + '"',
    }
    assert planted.keys() == SHAPES.keys()
    for kind, text in planted.items():
        assert SHAPES[kind].search(text), kind


def test_no_secret_is_in_an_image() -> None:
    """Nothing is copied into one but code, and no value is built in."""
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    for line in text.splitlines():
        if line.startswith("COPY"):
            assert line.split()[1] in {
                *("deploy/requirements.lock", "libs", "services", "cli", "deploy/kafka"),
                *("services/__init__.py", "services/${SERVICE}"),
            }
        assert not re.match(r"(?i)(ENV|ARG).*(password|secret|token|key)", line)


SHORT = "postgresql://{role}:postgres@127.0.0.1:1/{service}"


@pytest.fixture
def wrong(servers: Ground, tmp_path: Path) -> Iterator[ServiceProcess]:
    """A process with a password that everybody knows."""
    settings = servers.settings().model_copy(update={"database_url": SHORT})
    process = ServiceProcess(("services.scoring",), settings, tmp_path / "log")
    yield process
    if process.process and process.process.poll() is None:
        process.kill()


async def test_a_process_with_a_usual_password_does_not_start(wrong: ServiceProcess) -> None:
    wrong.start()
    assert wrong.process
    assert wrong.process.wait(30) == 1
    log = wrong.log.read_text()
    assert re.search(r"the password of \w+_(reader|writer) is easily found", log)
    assert "Traceback" not in log


async def test_no_log_of_a_process_that_fails_tells_its_password(
    servers: Ground, tmp_path: Path
) -> None:
    settings = servers.settings()
    away = settings.database_url.replace("{role}:", "nobody_{role}:")
    settings = settings.model_copy(update={"database_url": away})
    process = ServiceProcess(("services.scoring",), settings, tmp_path / "log")
    process.start()
    assert process.process
    try:
        assert process.process.wait(30) != 0
    finally:
        if process.process.poll() is None:
            process.kill()
    assert process.log.read_text()
    assert PASSWORD not in process.log.read_text()
