"""Whatever a text holds, it is stored as it is, beside whatever others."""

from __future__ import annotations

import asyncpg
import pytest

from libs.common.database import session
from libs.common.statement import ABSENT, BETWEEN, CONFLICT, execute, insert
from tests.support import shop
from tests.support.servers import Ground, unique

WORDS = insert("word", {"id": "int", "said": "text", "told": "json"}, mismatch=CONFLICT)
BATCHES: tuple[tuple[str | None, ...], ...] = (
    ("tea",),
    ("",),
    (None,),
    ("", ""),
    (None, ""),
    (None, None),
    ("", None, "NULL", "茶", '{"a,b"}', "\\", "\n"),
    (BETWEEN, "tea"),
    (f"tea{BETWEEN}cup", ""),
    (ABSENT, None),
    (ABSENT, "tea"),
    (f"{ABSENT}{ABSENT}", None, None),
)


async def test_texts_are_stored_as_they_are(servers: Ground) -> None:
    till, _ = shop.services(unique("s"))
    settings = await servers.provide([till], shop.topics(till.topic))
    async with session(settings.url(till.name, "owner")) as connection:
        await connection.execute("CREATE TEMP TABLE word (id int, said text, told json)")
        for texts in BATCHES:
            rows = [(n, text, None if n % 2 else '"cup"') for n, text in enumerate(texts)]
            await execute(connection, [(WORDS, rows)], facts=False)
            stored = await connection.fetch("SELECT id, said, told FROM word ORDER BY id")
            assert [tuple(row) for row in stored] == rows
            await connection.execute("TRUNCATE word")
        for wrong in (5, "tea\0"):
            with pytest.raises(asyncpg.DataError):
                await execute(
                    connection, [(WORDS, [(1, "tea", "{}"), (2, wrong, "{}")])], facts=False
                )
        with pytest.raises(asyncpg.DataError):
            await execute(connection, [(WORDS, [(1, "tea", "{"), (2, "tea", "{}")])], facts=False)
