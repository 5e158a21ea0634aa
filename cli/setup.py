"""What must be there before services start: secrets of their roles, keys of access tokens,
databases, tables, topics.

`python -m cli.setup secrets` makes those secrets and keys that are missing; `python -m cli.setup
city` the rest. Both change nothing the second time.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from cli.city import SERVICES
from libs.common import database, provisioning, settings
from libs.common.service import Service
from libs.common.settings import SUPERUSER, Settings, SettingsError
from libs.rights.tokens import make_keys

ROOT = Path(__file__).parents[1]
ROLES = ("owner", "writer", "reader")

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
    roles = [f"{name}_{role}" for name in provisioning.databases(services) for role in ROLES]
    modes = dict.fromkeys(roles, 0o600) | {SUPERUSER: 0o644}
    made = [name for name in modes if not (folder / name).exists()]
    for name in made:
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.touch(modes[name])
        file.write_text(secrets.token_urlsafe(24))
    return made


def main() -> None:
    try:
        chosen = settings.load()
        if sys.argv[1:] == ["secrets"] and chosen.secrets:
            print(f"{len(make_secrets(chosen.secrets, SERVICES))} secrets made")
            if chosen.tokens and make_keys(chosen.tokens):
                print("keys of access tokens made")
        elif sys.argv[1:] == ["city"]:
            asyncio.run(prepare(chosen, chosen.superuser_url(), SERVICES, print))
        else:
            sys.exit("python -m cli.setup secrets (with CIVICGRID_SECRETS), or city")
    except SettingsError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
