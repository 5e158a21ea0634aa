"""Subjects that were erased stay so, whatever backup of the keys comes back."""

from __future__ import annotations

from uuid import UUID

from libs.common.journal import Connection
from libs.common.keys import Keys

KNOWN = "SELECT jsonb_array_elements_text(state -> 'subjects') AS subject FROM erasure"


async def again(connection: Connection, keys: Keys) -> int:
    """Destroy the keys of all that this service knows to be erased; how many there are."""
    known = [UUID(row["subject"]) for row in await connection.fetch(KNOWN)]
    await keys.erase(known)
    return len(known)
