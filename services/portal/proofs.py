"""What proves who somebody is: passwords, codes of a second factor, invitations."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import secrets
import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from libs.common.messages import Refused
from libs.common.writer import Busy

WAITING = 200
"""More than so many at the door find it full; each takes a processor's core for 50 ms."""
STEPS = (0, -1, 1)
"""Half minutes in which a code is taken, from now."""
CITY = "civicgrid"
_REFUSED = frozenset(
    (Path(__file__).parent / "refused_passwords.txt").read_text(encoding="utf-8").split()
)


class Passwords:
    """Argon2id, in threads: no more at once than there are processors to do it."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._nobodys = self._hasher.hash(secrets.token_urlsafe(32))
        self._free = asyncio.Semaphore(os.cpu_count() or 2)
        self._inside = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """What is decided by a password is done inside. Raises Busy."""
        if self._inside >= WAITING:
            raise Busy
        self._inside += 1
        try:
            async with self._free:
                yield
        finally:
            self._inside -= 1

    async def hash(self, password: str) -> str:
        return await asyncio.to_thread(self._hasher.hash, _plain(password))

    async def is_right(self, hash: str | None, password: str) -> bool:
        """Takes as long where there is no hash to compare with."""
        matches = await asyncio.to_thread(self._matches, hash or self._nobodys, _plain(password))
        return matches and hash is not None

    def _matches(self, hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(hash, password)
        except (VerificationError, InvalidHashError):
            return False


def check(password: str, name: str | None, path: str) -> None:
    """Raises Refused for one that is easily found. `path`: of the field that holds it."""
    told = _plain(password).casefold()
    known = told in _REFUSED or CITY in told or (name is not None and name in told)
    if known or len(set(told)) == 1:
        raise Refused("password_refused", status=422, path=path)


def _plain(password: str) -> str:
    """However a keyboard composes it (NIST SP 800-63B)."""
    return unicodedata.normalize("NFKC", password)


def step_of(secret: str, code: str, at: datetime, after: int) -> int | None:
    """The half minute (RFC 6238) whose code this is, of those after `after`; None where it is
    none."""
    totp = pyotp.TOTP(secret)
    now = totp.timecode(at)
    right = [now + n for n in STEPS if hmac.compare_digest(totp.generate_otp(now + n), code)]
    return next((step for step in right if step > after), None)


def invite() -> tuple[str, str]:
    """An invitation of 128 random bits, and its hash, which alone is kept."""
    invitation = secrets.token_urlsafe(16)
    return invitation, _digest(invitation)


def is_invited(hash: str | None, invitation: str) -> bool:
    return hash is not None and hmac.compare_digest(hash, _digest(invitation))


def _digest(invitation: str) -> str:
    return hashlib.sha256(invitation.encode()).hexdigest()
