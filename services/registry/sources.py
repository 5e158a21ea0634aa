"""Who may send batches of the police: their public keys, in `sources.json` (JWK Set, RFC 7517) of
the folder of keys, each with the code of its source as `kid`; and which of them signed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from libs.common.messages import Refused
from libs.rights.tokens import publish

log = structlog.get_logger()

FILE = "sources.json"
DAMAGED = (OSError, ValueError, LookupError, TypeError, AttributeError, JoseError)
"""What is raised where that file is not what it should be."""
_ALGORITHM, _CURVE = "ES256", "P-256"


def digest(document: Mapping[str, Any]) -> str:
    """SHA-256 of a batch but its signature, as canonical JSON (RFC 8785)."""
    told = {name: value for name, value in document.items() if name != "signature"}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def sign(key: ECKey, source: str, document: Mapping[str, Any]) -> str:
    header = {"alg": _ALGORITHM, "kid": source}
    return jws.serialize_compact(header, digest(document), key, algorithms=[_ALGORITHM])


def keys_of(folder: Path | None, source: str) -> list[ECKey]:
    """The newest first; two where the one before is good still. Read anew each time: batches are
    rare, and a key that was taken away is good no more. Raises Refused, 503, where the file cannot
    be read."""
    try:
        known = _known(folder / FILE) if folder else []
        return [ECKey.import_key(one) for one in known if one["kid"] == source]
    except DAMAGED as error:
        log.error(
            f"{FILE} cannot be read: put it back, or delete it and make the keys of all sources"
            " anew with `civicgrid sharing key`",
            error=type(error).__name__,
        )
        raise Refused("sources_unreadable", status=503) from None


def _known(file: Path) -> list[dict[str, Any]]:
    """Raises one of `DAMAGED`."""
    return list(json.loads(file.read_text())["keys"]) if file.exists() else []


def signer(keys: Sequence[ECKey], source: str, signature: str, digest: str) -> ECKey | None:
    """Which of the keys of a source signed this; None: none of them."""
    return next((key for key in keys if _is_signed(key, source, signature, digest)), None)


def _is_signed(key: ECKey, source: str, signature: str, digest: str) -> bool:
    try:
        told = jws.deserialize_compact(signature, key, algorithms=[_ALGORITHM])
    except (JoseError, ValueError, TypeError):
        return False
    return told.protected.get("kid") == source and told.payload == digest.encode()


def made(source: str) -> ECKey:
    """A new pair for a source; it is not known yet."""
    return ECKey.generate_key(_CURVE, {"kid": source}, private=True)


def add(folder: Path, key: ECKey, *, beside: bool = False) -> None:
    """In place of the key that its source had, or `beside` it until the next: the public part stays
    here, and where services see it. Raises one of `DAMAGED`."""
    public, known = key.as_dict(private=False), _known(folder / FILE)
    before = [one for one in known if one["kid"] == public["kid"]][:1] if beside else []
    others = [one for one in known if one["kid"] != public["kid"]]
    publish(folder, FILE, json.dumps({"keys": [*others, public, *before]}, indent=1))
