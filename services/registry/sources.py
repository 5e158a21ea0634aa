"""Who may send batches of the police: their public keys, in `sources.json` (JWK Set, RFC 7517) of
the folder of keys, each with the code of its source as `kid`; and whether one of them signed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from libs.rights.tokens import publish

FILE = "sources.json"
_ALGORITHM, _CURVE = "ES256", "P-256"


def digest(document: Mapping[str, Any]) -> str:
    """SHA-256 of a batch but its signature, as canonical JSON (RFC 8785)."""
    told = {name: value for name, value in document.items() if name != "signature"}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def sign(key: ECKey, source: str, document: Mapping[str, Any]) -> str:
    header = {"alg": _ALGORITHM, "kid": source}
    return jws.serialize_compact(header, digest(document), key, algorithms=[_ALGORITHM])


def key_of(folder: Path | None, source: str) -> ECKey | None:
    """Read anew each time: batches are rare, and a key that was taken away is good no more."""
    try:
        known = json.loads((folder / FILE).read_text())["keys"] if folder else []
        return next((ECKey.import_key(one) for one in known if one["kid"] == source), None)
    except FileNotFoundError:
        return None


def is_signed(key: ECKey, source: str, signature: str, digest: str) -> bool:
    try:
        told = jws.deserialize_compact(signature, key, algorithms=[_ALGORITHM])
    except (JoseError, ValueError, TypeError):
        return False
    return told.protected.get("kid") == source and told.payload == digest.encode()


def add(folder: Path, source: str) -> ECKey:
    """A new pair for a source, in place of the one it had: the public part stays here, and where
    services see it."""
    key = ECKey.generate_key(_CURVE, {"kid": source}, private=True)
    file = folder / FILE
    known = json.loads(file.read_text())["keys"] if file.exists() else []
    keys = [*(one for one in known if one["kid"] != source), key.as_dict(private=False)]
    publish(folder, FILE, json.dumps({"keys": keys}, indent=1))
    return key
