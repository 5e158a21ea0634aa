"""Keys of personal content: one for each subject, in a database with backups of its own.

What is sealed can be read while its key exists; to erase it everywhere, the key is destroyed. The
subject keeps its row, without one, so that none is ever made for it again.
AES-256-GCM (NIST SP 800-38D), 96-bit random nonces, the subject as associated data.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import asyncpg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.common.ids import named

_ADD = """
INSERT INTO subject_key (subject_ref, key) SELECT * FROM unnest($1::uuid[], $2::bytea[])
ON CONFLICT (subject_ref) DO NOTHING
"""
_GET = """
SELECT subject_ref, key FROM subject_key
WHERE subject_ref = ANY($1::uuid[]) AND key IS NOT NULL
"""
_ERASE = """
INSERT INTO subject_key (subject_ref, erased_at)
SELECT subject_ref, clock_timestamp() FROM unnest($1::uuid[]) AS new (subject_ref)
ON CONFLICT (subject_ref) DO UPDATE SET key = NULL, erased_at = EXCLUDED.erased_at
WHERE subject_key.key IS NOT NULL
"""


class Keys:
    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool
        self._naming: dict[UUID, bytes] = {}

    async def ensure(self, subjects: Iterable[UUID]) -> Mapping[UUID, AESGCM]:
        """The keys of these subjects, made where there are none yet; none of those erased."""
        asked = _in_order(subjects)
        fresh = [AESGCM.generate_key(256) for _ in asked]
        async with self._pool.acquire() as connection:
            await connection.execute(_ADD, asked, fresh)
            return _keys(await connection.fetch(_GET, asked))

    async def get(self, subjects: Iterable[UUID]) -> Mapping[UUID, AESGCM]:
        """The keys that still exist."""
        return _keys(await self._pool.fetch(_GET, list(subjects)))

    async def erase(self, subjects: Iterable[UUID]) -> None:
        """Whatever was sealed for them is unreadable from now on, and stays so."""
        await self._pool.execute(_ERASE, _in_order(subjects))

    async def alias(self, subject: UUID, name: str) -> UUID:
        """The same id for the same name (HMAC-SHA-256), while this key exists."""
        if subject not in self._naming:
            await self.ensure([subject])
            row = await self._pool.fetchrow(_GET, [subject])
            assert row
            self._naming[subject] = row["key"]
        return named(hmac.new(self._naming[subject], name.encode(), hashlib.sha256).hexdigest())


def _in_order(subjects: Iterable[UUID]) -> list[UUID]:
    """Each once; two processes that lock rows in one order do not block each other."""
    return sorted(set(subjects), key=lambda subject: subject.int)


def _keys(rows: Iterable[asyncpg.Record]) -> Mapping[UUID, AESGCM]:
    return {row["subject_ref"]: AESGCM(row["key"]) for row in rows}


def seal(key: AESGCM, subject: UUID, content: bytes) -> str:
    nonce = os.urandom(12)
    return base64.b64encode(nonce + key.encrypt(nonce, content, subject.bytes)).decode()


def unseal(key: AESGCM, subject: UUID, sealed: str) -> Any:
    """None where it was sealed with another key, which is gone: one may have been made anew after
    the keys were restored from an older backup."""
    raw = base64.b64decode(sealed)
    try:
        return json.loads(key.decrypt(raw[:12], raw[12:], subject.bytes))
    except InvalidTag:
        return None
