"""What a process has in hand of secrets stands in its files alone (row P29): not in its
environment, not in what it writes when it dies. Without good ones it does not start."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from cli import setup
from libs.common import database, provisioning
from libs.common.settings import SUPERUSER, Settings
from libs.rights.tokens import make_keys
from services.portal.main import SERVICE
from tests.support.processes import ServiceProcess
from tests.support.servers import PASSWORD, ROOT, Ground
from tests.support.town import forget_topics

CORE = re.compile(r"^Max core file size +([01]) +([01]) +bytes", re.M)
CHUNK = 24
"""Characters of a key: as many as no other text has in common with it."""


@dataclass(frozen=True)
class City:
    """The settings of a service whose secrets are files, and all that these hold."""

    settings: Settings
    secrets: dict[str, str]

    def process(self, log: Path) -> ServiceProcess:
        extra = {"CIVICGRID_SECRETS": str(self.settings.secrets), "PYTHONFAULTHANDLER": "1"}
        return ServiceProcess(("services.portal",), self.settings, log, extra=extra)

    def found_in(self, text: str) -> list[str]:
        """Whose names, never what they are."""
        return sorted(name for name, secret in self.secrets.items() if secret in text)


@pytest.fixture
async def city(servers: Ground, tmp_path: Path) -> AsyncIterator[City]:
    """The portal, which signs tokens besides; other tests find their passwords again."""
    if servers.own is None:
        pytest.skip("the servers of the environment have passwords of their own")
    file = provisioning.topics_file(ROOT)
    await forget_topics(servers, list(file.topics))
    settings = await servers.provide([SERVICE], file)
    setup.make_secrets(tmp_path / "secrets", [SERVICE])
    make_keys(tmp_path / "tokens")
    url = settings.database_url.replace(f":{PASSWORD}@", "@")
    paths = {"secrets": tmp_path / "secrets", "tokens": tmp_path / "tokens"}
    told = settings.model_copy(update={**paths, "database_url": url})
    names = provisioning.databases([SERVICE])
    await database.create(servers.admin_url, names, told.password)
    yield City(told, dict(_all_of(tmp_path)))
    await database.create(servers.admin_url, names, lambda _: PASSWORD)


def _all_of(folder: Path) -> Iterator[tuple[str, str]]:
    for file in (folder / "secrets").iterdir():
        if file.is_file():
            yield file.name, file.read_text()
    yield "superuser", (folder / "secrets" / SUPERUSER).read_text()
    pem = (folder / "tokens" / "signing.pem").read_text().splitlines()
    yield "signing.pem", pem[1][:CHUNK]
    yield "signing.pem, its end", pem[-2][:CHUNK]


@pytest.fixture
def running(city: City, tmp_path: Path) -> Iterator[ServiceProcess]:
    process = city.process(tmp_path / "log")
    process.start()
    yield process
    if process.process and process.process.poll() is None:
        process.kill()


def what_it_shows(process: ServiceProcess) -> str:
    """To whoever may look at a process of this account."""
    assert process.process
    there = Path(f"/proc/{process.process.pid}")
    return "".join(
        (there / name).read_bytes().decode(errors="replace") for name in ("environ", "cmdline")
    )


async def test_nothing_that_shows_a_process_and_nothing_that_a_crash_writes_holds_a_secret(
    city: City, running: ServiceProcess
) -> None:
    """given: a portal at work that has read its secrets; when: it is looked at, then crashes in the
    midst, with faulthandler on; then: they are nowhere, and no core may be written."""
    await running.ready()
    assert running.process
    async with httpx.AsyncClient(base_url=running.url) as client:
        body = {"name": "nobody", "password": "a-long-guess", "code": "000000"}
        assert (await client.post("/sign-in", json=body)).status_code in (401, 422)
    shown = what_it_shows(running)
    assert "CIVICGRID_SECRETS=" in shown and city.found_in(shown) == []
    limits = Path(f"/proc/{running.process.pid}/limits").read_text()
    assert CORE.search(limits), limits
    before = cores()
    running.process.send_signal(signal.SIGABRT)
    assert running.process.wait(30) == -signal.SIGABRT
    log = running.log.read_text()
    assert "Fatal Python error: Aborted" in log and "serving.py" in log
    assert city.found_in(log) == []
    assert "a-long-guess" not in log
    assert cores() == before


def cores() -> set[str]:
    """Files in the folder that a process works in, where cores are written by default."""
    return {name for name in os.listdir(ROOT) if name.startswith("core")}


async def test_a_traceback_holds_no_secret(city: City, tmp_path: Path) -> None:
    """given: a file of a secret with a byte that is no text; when: it is read; then: what Python
    says of it is not what it held."""
    assert city.settings.secrets
    for name, secret in city.secrets.items():
        if (file := city.settings.secrets / name).is_file():
            file.write_bytes(secret.encode() + b"\xff")
    process = city.process(tmp_path / "log")
    process.start()
    assert process.process
    try:
        assert process.process.wait(60) != 0
    finally:
        if process.process.poll() is None:
            process.kill()
    log = process.log.read_text()
    assert "Traceback" in log or "does not start" in log
    assert city.found_in(log) == []


KINDS = {
    "a short secret": OctKey.import_key("short").as_dict(private=True),
    "a default secret": OctKey.import_key("changeme").as_dict(private=True),
    "RSA of 1024 bits": RSAKey.generate_key(1024).as_dict(private=False),
    "a shorter curve": {**ECKey.generate_key("P-256").as_dict(private=False), "crv": "P-192"},
    "none at all": None,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_default_or_short_key_starts_nothing(servers: Ground, tmp_path: Path, kind: str) -> None:
    tokens = tmp_path / "tokens"
    make_keys(tokens)
    keys = [KINDS[kind]] if KINDS[kind] else []
    (tokens / "public.json").write_text(json.dumps({"keys": keys}))
    refused(servers.settings().model_copy(update={"tokens": tokens}), tmp_path, "CIVICGRID_TOKENS")


def test_a_short_key_to_sign_with_starts_no_portal(servers: Ground, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    make_keys(tokens)
    key = RSAKey.generate_key(1024, private=True).as_pem(private=True)
    (tokens / "signing.pem").write_bytes(key)
    log = refused(
        servers.settings().model_copy(update={"tokens": tokens}), tmp_path, "CIVICGRID_TOKENS"
    )
    assert key.decode().splitlines()[1][:CHUNK] not in log


def refused(settings: Settings, folder: Path, name: str) -> str:
    """What it says; it names the setting, and no line of code."""
    process = ServiceProcess(("services.portal",), settings, folder / "log")
    process.start()
    assert process.process
    try:
        assert process.process.wait(60) == 1
    finally:
        if process.process.poll() is None:
            process.kill()
    log = process.log.read_text()
    assert name in log and "Traceback" not in log, log
    return log
