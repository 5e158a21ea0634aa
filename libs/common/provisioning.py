"""What must stand before services start: databases, roles, tables, topics. All of it again is no
change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient

from libs.common import database, topics
from libs.common.service import Service
from libs.common.settings import Settings
from libs.common.topics import Change, File

KEYS = "keys"


async def migrate(services: Sequence[Service], settings: Settings) -> Mapping[str, list[str]]:
    """Run as the owners; the names of the migrations that ran, by service."""
    ran = {KEYS: await database.migrate(settings.url(KEYS, "owner"), KEYS, {KEYS: database.KEYS})}
    for service in services:
        folders = service.migration_folders(database.CORE)
        url = settings.url(service.name, "owner")
        ran[service.name] = await database.migrate(url, service.name, folders)
    return ran


def databases(services: Sequence[Service]) -> list[str]:
    return [KEYS, *(service.name for service in services)]


async def apply_topics(bootstrap: str, file: File) -> list[Change]:
    """Bring the broker to what the file says; what was changed."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        changes = await topics.difference(admin, file)
        await topics.apply(admin, file, changes)
        return changes
    finally:
        await admin.close()


def topics_file(root: Path) -> File:
    return topics.read(root / "deploy" / "kafka" / "topics.yaml")
