"""What must hold of every journal, whatever died."""

from __future__ import annotations

import asyncpg

from libs.common import folding
from libs.common.database import look
from libs.common.service import Service
from libs.common.settings import Settings


async def fetch(settings: Settings, service: Service, query: str) -> list[asyncpg.Record]:
    connection = await look(settings.url(service.name, "reader"))
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


async def check_states(settings: Settings, service: Service) -> None:
    """Versions run from 1 without a gap, and each state is the fold of its events."""
    connection = await look(settings.url(service.name, "reader"))
    try:
        assert await folding.unsound(connection, service) == []
    finally:
        await connection.close()
