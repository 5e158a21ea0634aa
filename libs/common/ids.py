"""Identifiers that sort by time, so that an index grows at its end (RFC 9562): of version 7, and of
version 8 where they follow from something, which no client may take."""

from __future__ import annotations

import hashlib
import os
import time
from uuid import UUID

from asyncpg.pgproto import pgproto

FORM = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""How an id is written, as a regular expression."""

_TIME = ((1 << 48) - 1) << 80
_RANDOM: list[int] = []
"""80 bits each, asked of the operating system for many ids at once."""
_AT_ONCE = 1000


def parsed(text: str) -> UUID:
    """As the database's driver makes them: several times as quick. Raises ValueError."""
    return pgproto.UUID(text)


def quick(id: UUID) -> UUID:
    """The same, as the database's driver makes them: it is asked for its bytes, its text and its
    hash again and again."""
    return id if isinstance(id, pgproto.UUID) else pgproto.UUID(id.bytes)


def id_of(value: object) -> UUID | None:
    """None for what is no id, such as a code."""
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def uuid7() -> UUID:
    """48 bits of Unix milliseconds, 74 random bits."""
    return _uuid(time.time_ns() // 1_000_000 << 80, _random())


def _random() -> int:
    while True:
        try:
            return _RANDOM.pop()
        except IndexError:
            drawn = os.urandom(10 * _AT_ONCE)
            _RANDOM.extend(
                int.from_bytes(drawn[n : n + 10], "big") for n in range(0, len(drawn), 10)
            )


def derived(parent: UUID, name: str) -> UUID:
    """The same id for the same parent and name, with the parent's 48 bits of time; with the first
    millisecond of all where it has none, so that none looks like `own`."""
    digest = hashlib.blake2b(parent.bytes + name.encode(), digest_size=10).digest()
    return _uuid(parent.int & _TIME or 1 << 80, int.from_bytes(digest, "big"), version=8)


def named(name: str) -> UUID:
    """The same id for the same name everywhere, for things of reference data that have a code."""
    return _uuid(0, int.from_bytes(hashlib.blake2b(name.encode(), digest_size=10).digest(), "big"))


def own(name: str) -> UUID:
    """The same id for the same name, without a time: for what is the city's own. No record has one,
    and no request may name it."""
    digest = hashlib.blake2b(name.encode(), digest_size=10).digest()
    return _uuid(0, int.from_bytes(digest, "big"), version=8)


def is_own(id: UUID) -> bool:
    return id.version == 8 and not id.int >> 80


def _uuid(time_bits: int, rest: int, version: int = 7) -> UUID:
    high, low = rest >> 68, rest & ((1 << 62) - 1)
    number = time_bits | version << 76 | (high & 0xFFF) << 64 | 0b10 << 62 | low
    return pgproto.UUID(number.to_bytes(16, "big"))
