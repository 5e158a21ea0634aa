"""What the command stands on: the servers of the environment, or embedded ones in `.data/city`."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli import setup
from libs.common import ports, settings
from libs.common.database import session
from libs.common.service import Service
from libs.common.settings import Settings, SettingsError
from libs.embedded import servers
from libs.rights.tokens import make_keys

ROOT = setup.ROOT
FOLDER = ROOT / ".data" / "city"
TOKENS = "tokens"
NAMED = ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL")

Told = Callable[[str], None]


class NotRunning(Exception):
    """There is nothing to talk to; the text says what to do."""


@dataclass(frozen=True)
class Ground:
    """`admin_url` makes databases and roles; None where somebody else did."""

    settings: Settings
    admin_url: str | None
    servers: servers.Servers | None = None


@contextmanager
def opened(told: Told, folder: Path = FOLDER) -> Iterator[Ground]:
    """Servers that answer, for as long as the block lasts. Raises EmbeddedError, SettingsError."""
    if all(os.environ.get(name) for name in NAMED):
        chosen = settings.load()
        tokens = tokens_folder(folder)
        make_keys(tokens)
        yield Ground(chosen.model_copy(update={"tokens": tokens}), chosen.superuser_url())
        return
    if any(os.environ.get(name) for name in NAMED):
        raise SettingsError(f"set both of {' and '.join(NAMED)}, or neither")
    with servers.start(folder, on_progress=told) as embedded:
        chosen = _settings(embedded, folder, _password(folder))
        running = folder / "running.json"
        running.write_text(json.dumps({name: _value(chosen, name) for name in NAMED}))
        running.chmod(0o600)
        yield Ground(chosen, embedded.postgres_url, embedded)


def attached(folder: Path = FOLDER) -> Settings:
    """The servers of a city that runs already. Raises NotRunning."""
    if all(os.environ.get(name) for name in NAMED):
        return settings.load()
    file = folder / "running.json"
    if not file.exists():
        raise NotRunning("no city runs here: start one with `civicgrid up`")
    return _made(json.loads(file.read_text()), folder)


async def counted(settings: Settings, service: str, table: str) -> int:
    async with session(settings.url(service, "reader")) as connection:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))


async def is_known(settings: Settings, services: Sequence[Service]) -> bool:
    """Whether every service copied as many appointments, the last facts to come, as the others."""
    counts = (counted(settings, service.name, "city_appointment") for service in services)
    return len(set(await asyncio.gather(*counts))) == 1


@contextmanager
def standing(told: Told, folder: Path = FOLDER) -> Iterator[Settings]:
    """The servers of a city that runs; else those of its folder, for as long as the block lasts."""
    named = all(os.environ.get(name) for name in NAMED)
    if named or ((folder / "running.json").exists() and _answers(attached(folder))):
        yield attached(folder)
        return
    with opened(told, folder) as there:
        yield there.settings


def _answers(chosen: Settings) -> bool:
    host, _, port = chosen.kafka_bootstrap_servers.rpartition(":")
    return not ports.is_free(host, int(port))


def tell_url(url: str, folder: Path = FOLDER) -> None:
    """For commands on this machine: where the city of this folder answers."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "url").write_text(url)


def url_here(folder: Path = FOLDER) -> str | None:
    """Where the city of this folder answered when it was last up."""
    file = folder / "url"
    return file.read_text() if file.exists() else None


async def prepare(ground: Ground, services: Sequence[Service], told: Told) -> None:
    """Databases, tables and topics; nothing is done twice."""
    await setup.prepare(ground.settings, ground.admin_url, services, told)


def tokens_folder(folder: Path = FOLDER) -> Path:
    """Of the keys of access tokens: that of the environment, else of the city here."""
    named = os.environ.get("CIVICGRID_TOKENS")
    return Path(named) if named else folder / TOKENS


def _settings(embedded: servers.Servers, folder: Path, password: str) -> Settings:
    host = embedded.postgres_url.rpartition("@")[2].partition("/")[0]
    return _made(
        {
            "KAFKA_BOOTSTRAP_SERVERS": embedded.kafka_bootstrap_servers,
            "DATABASE_URL": f"postgresql://{{role}}:{password}@{host}/{{service}}",
        },
        folder,
    )


def _made(values: dict[str, str], folder: Path) -> Settings:
    tokens = tokens_folder(folder)
    make_keys(tokens)
    return Settings.model_validate(values | {"instance": "0", "tokens": tokens})


def _value(chosen: Settings, name: str) -> str:
    return str(getattr(chosen, name.lower()))


def _password(folder: Path) -> str:
    """Made once for this folder; of the roles of services, on this machine only."""
    file = folder / "roles.password"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.touch(0o600)
        file.write_text(secrets.token_urlsafe(18))
    return file.read_text()
