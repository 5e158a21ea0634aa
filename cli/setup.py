"""What must be there before services start: secrets of their roles, keys of access tokens,
databases, tables, topics.

`python -m cli.setup secrets` makes those secrets and keys that are missing; `python -m cli.setup
city` the rest. Both change nothing the second time. `python -m cli.setup rotate` gives every role a
new password and access tokens a new key, while services run; should it be cut off, `city` ends it.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cli.city import SERVICES
from libs.common import database, provisioning, settings
from libs.common.service import Service
from libs.common.settings import SUPERUSER, Settings, SettingsError
from libs.rights.tokens import make_keys, rotate

ROOT = Path(__file__).parents[1]
ROLES = ("owner", "writer", "reader")
LEARNT_SECONDS = 3
"""After which every service knows a new key of access tokens."""

Told = Callable[[str], None]


async def prepare(
    chosen: Settings, admin_url: str | None, services: Sequence[Service], told: Told
) -> None:
    """Databases and roles where `admin_url` is a superuser's; tables; topics."""
    if admin_url:
        told("databases and roles")
        await database.create(admin_url, provisioning.databases(services), chosen.password)
    told("tables")
    await provisioning.migrate(services, chosen)
    told("topics")
    file = provisioning.topics_file(ROOT)
    await provisioning.apply_topics(chosen.kafka_bootstrap_servers, file)


def make_secrets(folder: Path, services: Sequence[Service]) -> list[str]:
    """A file for each role and one for the superuser, which the server too must read; the names of
    those that were missing."""
    modes = dict.fromkeys(_roles(services), 0o600) | {SUPERUSER: 0o644}
    made = [name for name in modes if not (folder / name).exists()]
    for name in made:
        (folder / name).parent.mkdir(exist_ok=True)
        _make_secret(folder / name, modes[name])
    return made


async def change_passwords(folder: Path, admin_url: str, services: Sequence[Service]) -> int:
    """How many roles have a new password. Sessions that are open stay so; whoever opens one in the
    moment between the file and the role is refused, and tries again."""
    roles = _roles(services)
    async with database.session(admin_url) as connection:
        for role in roles:
            password = _make_secret(folder / f".{role}", 0o600)
            (folder / f".{role}").replace(folder / role)
            await database.give_role(connection, role, password)
    return len(roles)


def _roles(services: Sequence[Service]) -> list[str]:
    return [f"{name}_{role}" for name in provisioning.databases(services) for role in ROLES]


def _make_secret(file: Path, mode: int) -> str:
    secret = secrets.token_urlsafe(24)
    file.touch(mode)
    file.write_text(secret)
    return secret


def main() -> None:
    try:
        chosen = settings.load()
        if sys.argv[1:] == ["secrets"] and chosen.secrets:
            print(f"{len(make_secrets(chosen.secrets, SERVICES))} secrets made")
            if chosen.tokens and make_keys(chosen.tokens):
                print("keys of access tokens made")
        elif sys.argv[1:] == ["city"]:
            asyncio.run(prepare(chosen, chosen.superuser_url(), SERVICES, print))
        elif sys.argv[1:] == ["rotate"] and chosen.secrets and (url := chosen.superuser_url()):
            changed = asyncio.run(change_passwords(chosen.secrets, url, SERVICES))
            print(f"{changed} passwords changed")
            if chosen.tokens:
                rotate(chosen.tokens, wait=lambda: time.sleep(LEARNT_SECONDS))
                print("a new key signs access tokens; that of before is good until the next one")
        else:
            sys.exit(
                "python -m cli.setup secrets (with CIVICGRID_SECRETS), city, or rotate (with"
                " CIVICGRID_ADMIN_URL too)"
            )
    except SettingsError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
