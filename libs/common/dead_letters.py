"""Records that could not be handled, kept with the reason in the transaction of their batch.

What they held may be personal, and nobody knows: it is sealed under a key of the day on which they
died, which expires.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.common import waiting, wire
from libs.common.ids import own
from libs.common.keys import Keys, seal, unseal
from libs.common.statement import Part, insert
from libs.common.work import Dead, Letter

DAYS = 30
"""For so long what a letter held can be read, and the letter be tried again."""

DEAD_LETTER = insert(
    "dead_letter",
    {
        "id": "uuid",
        "topic": "text",
        "partition": "int",
        "offset_": "bigint",
        "timestamp_": "bigint",
        "sealed": "json",
        "stage": "text",
        "reason": "text",
        "died_at": "timestamptz",
    },
    "ON CONFLICT (id) DO UPDATE SET stage = EXCLUDED.stage, reason = EXCLUDED.reason,"
    " died_at = EXCLUDED.died_at, sealed = EXCLUDED.sealed, retries = dead_letter.retries + 1",
)
REVIVED = Part(
    "dead_letter_revived",
    (("id", "uuid"),),
    "DELETE FROM dead_letter USING {rows} WHERE dead_letter.id = new.id RETURNING 1",
)


def subject_of(day: date) -> UUID:
    """Whose key seals the letters of a day."""
    return own(f"dead_letter/{day.isoformat()}")


def row(letter: Letter, dead: Dead, now: datetime, keys: Mapping[UUID, AESGCM]) -> Sequence[Any]:
    return (
        *(wire.digest(letter), letter.topic, letter.partition, letter.offset, letter.timestamp),
        *(sealed(letter, now, keys), dead.stage, dead.reason[:500], now),
    )


def sealed(letter: Letter, now: datetime, keys: Mapping[UUID, AESGCM]) -> str | None:
    """What it holds, under the key of the day; None where that is gone."""
    subject = subject_of(now.date())
    if subject not in keys:
        return None
    content = json.dumps(waiting.kept(letter)).encode()
    return json.dumps({str(subject): seal(keys[subject], subject, content)})


async def opened(keys: Keys, kept: str | None) -> dict[str, Any] | None:
    """What a letter held, as `waiting.letter` reads it; None once its time is over."""
    for subject, content in json.loads(kept or "{}").items():
        found = await keys.get([UUID(subject)])
        for id, key in found.items():
            held: dict[str, Any] | None = unseal(key, id, content)
            return held
    return None
