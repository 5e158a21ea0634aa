"""Access tokens: made by the portal, known again by every service. JWT as RFC 9068, ES256 alone.

A folder holds the keys: `public.json` (JWK Set, RFC 7517) for all, `signing.pem` for the portal.
Where it has a folder `public`, that gets the former too: whoever only sees that cannot sign.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from libs.common import files
from libs.common.messages import Refused

Use = Literal["access", "refresh"]

PUBLIC, SIGNING = "public.json", "signing.pem"
SHARED = "public"
ISSUER = "civicgrid"
AUDIENCES: Mapping[Use, str] = {"access": "civicgrid", "refresh": "civicgrid/refresh"}
TYPES: Mapping[Use, str] = {"access": "at+jwt", "refresh": "rt+jwt"}
ACCESS_SECONDS = 300
SKEW_SECONDS = 5
"""How far clocks of services may be apart; nothing is good after its end."""
MAX_LENGTH = 2_000
_ALGORITHM, _CURVE = "ES256", "P-256"
_STRONG = "mfa"
"""More than one factor (RFC 8176)."""
_LOOK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who a token speaks of. `person`: as the registry knows them; their rights follow from their
    posts. A `founder` runs the system, and may have no post. `strong`: they showed a second factor,
    or a provider vouches for them. Times: seconds since 1970."""

    account: UUID
    session: UUID
    person: UUID | None
    founder: bool
    strong: bool
    expires_at: int


def unauthorised() -> Refused:
    """No token, or one that is not good; which of them is nobody's business (RFC 6750)."""
    return Refused("unauthorised", status=401)


class Keyring:
    """Tells good tokens from others. What it found out of a token it remembers, until the keys are
    others: one that was withdrawn makes no token good any more."""

    def __init__(self, folder: Path, now: Callable[[], float] = time.time) -> None:
        self._file, self._now = folder / PUBLIC, now
        self._known = lru_cache(20_000)(self._decode)
        self._looked_at, self._changed_at = now(), self._file.stat().st_mtime_ns
        self._keys = _key_set(self._file)

    def read(self, token: str, use: Use = "access") -> Bearer:
        """Raises Refused, 401."""
        if len(token) > MAX_LENGTH:
            raise unauthorised()
        now = self._now()
        if now - self._looked_at >= _LOOK_AGAIN_SECONDS:
            self._look_again(now)
        bearer = self._known(token, use)
        if bearer.expires_at <= now:
            raise unauthorised()
        return bearer

    def _decode(self, token: str, use: Use) -> Bearer:
        try:
            decoded = jwt.decode(token, self._keys, algorithms=[_ALGORITHM])
            _registry(use, int(self._now())).validate(decoded.claims)
            if decoded.header.get("typ") != TYPES[use]:
                raise unauthorised()
            return _bearer(decoded.claims)
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise unauthorised() from error

    def _look_again(self, now: float) -> None:
        """Keys that cannot be read just now are looked for again later."""
        self._looked_at = now
        try:
            changed_at = self._file.stat().st_mtime_ns
            if changed_at != self._changed_at:
                self._keys, self._changed_at = _key_set(self._file), changed_at
                self._known.cache_clear()
        except (OSError, ValueError):
            pass


class Signer:
    """Makes tokens; its key is read again when its file changes."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / SIGNING
        self._read_at, self._key = 0, self._read()

    def sign(self, bearer: Bearer, use: Use = "access") -> str:
        if self._file.stat().st_mtime_ns != self._read_at:
            self._key = self._read()
        header = {"alg": _ALGORITHM, "typ": TYPES[use], "kid": self._key.kid}
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCES[use],
            "sub": str(bearer.account),
            "sid": str(bearer.session),
            "iat": int(time.time()),
            "exp": bearer.expires_at,
            **({"person": str(bearer.person)} if bearer.person else {}),
            **({"founder": True} if bearer.founder else {}),
            **({"amr": [_STRONG]} if bearer.strong else {}),
        }
        return jwt.encode(header, claims, self._key, algorithms=[_ALGORITHM])

    def _read(self) -> ECKey:
        self._read_at = self._file.stat().st_mtime_ns
        try:
            key = ECKey.import_key(self._file.read_text())
        except JoseError as error:
            raise ValueError(f"no key of {_CURVE}") from error
        _check_kind(key)
        return ECKey.import_key(key.as_dict(private=True) | {"kid": key.thumbprint()})


def make_keys(folder: Path) -> bool:
    """A pair of keys where there is none; False where there is."""
    if (folder / SIGNING).exists():
        return False
    folder.mkdir(parents=True, exist_ok=True)
    _add_key(folder)
    return True


def rotate(folder: Path, *, wait: Callable[[], None]) -> None:
    """A new key to sign with. Services learn of it first: `wait` is called between. The one before
    stays among the public ones until the next rotation."""
    _add_key(folder, wait)


def _add_key(folder: Path, wait: Callable[[], None] | None = None) -> None:
    key = ECKey.generate_key(_CURVE, private=True)
    public = key.as_dict(private=False) | {"kid": key.thumbprint(), "use": "sig", "alg": _ALGORITHM}
    file = folder / PUBLIC
    before = json.loads(file.read_text())["keys"] if file.exists() else []
    text = json.dumps({"keys": [public, *before[:1]]}, indent=1)
    publish(folder, PUBLIC, text)
    if wait:
        wait()
    files.replace(folder / SIGNING, key.as_pem(private=True).decode(), 0o600)


def publish(folder: Path, name: str, text: str) -> None:
    """A file of public keys, there and where services see it that may not sign."""
    for place in (folder, folder / SHARED):
        if place.is_dir():
            files.replace(place / name, text, 0o644)


def _key_set(file: Path) -> KeySet:
    """Raises ValueError."""
    try:
        found = KeySet.import_key_set(json.loads(file.read_text()))
    except JoseError as error:
        raise ValueError(f"no keys of {_CURVE}") from error
    for key in found.keys:
        _check_kind(key)
    return found


def _check_kind(key: Any) -> None:
    """What is shorter could be guessed."""
    if not isinstance(key, ECKey) or key.curve_name != _CURVE:
        raise ValueError(f"a key of another kind than {_CURVE}")


def _registry(use: Use, now: int) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        now=now,
        leeway=SKEW_SECONDS,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": AUDIENCES[use]},
        sub={"essential": True},
        sid={"essential": True},
        iat={"essential": True},
        exp={"essential": True},
    )


def _bearer(claims: Mapping[str, Any]) -> Bearer:
    person = claims.get("person")
    return Bearer(
        account=UUID(claims["sub"]),
        session=UUID(claims["sid"]),
        person=UUID(person) if person else None,
        founder=claims.get("founder") is True,
        strong=claims.get("amr") == [_STRONG],
        expires_at=int(claims["exp"]),
    )
