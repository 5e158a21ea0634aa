"""Records that could not be handled, kept with the reason in the transaction of their batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from libs.common import wire
from libs.common.statement import Part, insert
from libs.common.work import Letter

DEAD_LETTER = insert(
    "dead_letter",
    {
        "id": "uuid",
        "topic": "text",
        "partition": "int",
        "offset_": "bigint",
        "timestamp_": "bigint",
        "key": "bytea",
        "headers": "json",
        "value": "bytea",
        "stage": "text",
        "reason": "text",
        "died_at": "timestamptz",
    },
    "ON CONFLICT (id) DO UPDATE SET stage = EXCLUDED.stage, reason = EXCLUDED.reason,"
    " died_at = EXCLUDED.died_at, retries = dead_letter.retries + 1",
)
REVIVED = Part(
    "dead_letter_revived",
    (("id", "uuid"),),
    "DELETE FROM dead_letter USING {rows} WHERE dead_letter.id = new.id RETURNING 1",
)


def row(letter: Letter, stage: str, reason: str, now: datetime) -> Sequence[Any]:
    return (
        *(wire.digest(letter), letter.topic, letter.partition, letter.offset, letter.timestamp),
        *(letter.key, json.dumps(wire.plain(letter.headers)), letter.value),
        *(stage, reason.replace("\0", "\\0")[:500], now),
    )
