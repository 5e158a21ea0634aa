"""A token is good if the portal made it, for this use, for now; else 401, with no hint why."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from libs.common.messages import Refused
from libs.rights.tokens import Bearer, Keyring, Signer, make_keys, rotate

NOW, DAY = int(time.time()), 86_400
"""Tests may begin long after this is read."""
BEARER = Bearer(uuid4(), uuid4(), uuid4(), founder=False, strong=True, expires_at=NOW + DAY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert make_keys(tmp_path / "tokens")
    return tmp_path / "tokens"


def test_what_was_signed_is_known_again(folder: Path) -> None:
    token = Signer(folder).sign(BEARER)
    assert Keyring(folder).read(token) == BEARER


def test_keys_are_made_once_and_only_their_owner_reads_them(folder: Path) -> None:
    before = (folder / "signing.pem").read_text()
    assert not make_keys(folder)
    assert (folder / "signing.pem").read_text() == before
    assert (folder / "signing.pem").stat().st_mode & 0o077 == 0
    assert "d" not in json.loads((folder / "public.json").read_text())["keys"][0]


def test_who_sees_the_public_keys_alone_knows_tokens_and_makes_none(tmp_path: Path) -> None:
    shared = tmp_path / "public"
    shared.mkdir()
    assert make_keys(tmp_path)
    for wait in (0, 2):
        assert Keyring(shared).read(Signer(tmp_path).sign(BEARER)) == BEARER
        assert [file.name for file in shared.iterdir()] == ["public.json"]
        rotate(tmp_path, wait=lambda: None) if not wait else None


@pytest.mark.parametrize(
    "key",
    [
        ECKey.generate_key("P-384"),
        ECKey.generate_key("secp256k1"),
        RSAKey.generate_key(2048),
        OctKey.generate_key(128),
    ],
    ids=["a longer curve", "another curve", "a key of RSA", "a secret"],
)
def test_keys_of_other_kinds_are_refused_at_the_start(folder: Path, key: Any) -> None:
    told = key.as_dict(private=key.key_type == "oct")
    (folder / "public.json").write_text(json.dumps({"keys": [told]}))
    with pytest.raises(ValueError, match="P-256"):
        Keyring(folder)
    (folder / "public.json").write_text('{"keys": []}')
    with pytest.raises(ValueError, match="P-256"):
        Keyring(folder)
    if not isinstance(key, OctKey):
        (folder / "signing.pem").write_bytes(key.as_pem(private=True))
        with pytest.raises(ValueError, match="P-256"):
            Signer(folder)


def _claims() -> dict[str, object]:
    claims = {"iss": "civicgrid", "aud": "civicgrid", "sub": str(uuid4()), "sid": str(uuid4())}
    return {**claims, "iat": NOW, "exp": NOW + DAY}


def _signed(folder: Path, claims: dict[str, object], **header: str) -> str:
    key = ECKey.import_key((folder / "signing.pem").read_text())
    told = {"alg": "ES256", "typ": "at+jwt", "kid": key.thumbprint()} | header
    return jwt.encode(told, claims, key, algorithms=["ES256"])


def test_the_claims_of_these_tests_are_good(folder: Path) -> None:
    assert Keyring(folder).read(_signed(folder, _claims()))


def _without(name: str) -> Callable[[Path], str]:
    return lambda folder: _signed(
        folder, {key: value for key, value in _claims().items() if key != name}
    )


def _with(**claims: object) -> Callable[[Path], str]:
    return lambda folder: _signed(folder, _claims() | claims)


def _none(folder: Path) -> str:
    _, body, _ = _signed(folder, _claims()).split(".")
    return f"eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{body}."


def _confused(folder: Path) -> str:
    """HS256, with the public key as its secret."""
    public = (folder / "public.json").read_text()
    kid = json.loads(public)["keys"][0]["kid"]
    header = {"alg": "HS256", "typ": "at+jwt", "kid": kid}
    return jwt.encode(header, _claims(), OctKey.import_key(public), algorithms=["HS256"])


def _of_rsa(folder: Path) -> str:
    header = {"alg": "RS256", "typ": "at+jwt"}
    return jwt.encode(header, _claims(), RSAKey.generate_key(2048), algorithms=["RS256"])


def _of_other_key(folder: Path) -> str:
    kid = json.loads((folder / "public.json").read_text())["keys"][0]["kid"]
    other = ECKey.generate_key("P-256", private=True)
    header = {"alg": "ES256", "typ": "at+jwt", "kid": kid}
    return jwt.encode(header, _claims(), other, algorithms=["ES256"])


def _own_key_inside(folder: Path) -> str:
    own = ECKey.generate_key("P-256", private=True)
    header = {"alg": "ES256", "typ": "at+jwt", "jwk": own.as_dict(private=False)}
    return jwt.encode(header, _claims(), own, algorithms=["ES256"])


WRONG: dict[str, Callable[[Path], str]] = {
    "nothing": lambda _: "",
    "no token": lambda _: "a.b.c",
    "not ascii": lambda _: "\u7f51.\u683c.\u5458",
    "a megabyte": lambda _: "a" * 1_000_000,
    "no algorithm": _none,
    "HS256 with the public key": _confused,
    "RS256": _of_rsa,
    "another's key": _of_other_key,
    "its own key": _own_key_inside,
    "unknown key id": lambda folder: _signed(folder, _claims(), kid="other"),
    "key id is a path": lambda folder: _signed(folder, _claims(), kid="../../signing.pem"),
    "key at an address": lambda folder: _signed(
        folder, _claims(), kid="x", jku="http://127.0.0.1:1/keys"
    ),
    "signature cut": lambda folder: _signed(folder, _claims())[:-4],
    "body changed": lambda folder: _signed(folder, _claims()).replace(".ey", ".eyJ", 1),
    "other issuer": _with(iss="https://elsewhere"),
    "other audience": _with(aud="other"),
    "expired now": _with(exp=NOW),
    "expired an hour ago": _with(iat=NOW - 7200, exp=NOW - 3600),
    "not yet": _with(nbf=NOW + DAY),
    "issued in the future": _with(iat=NOW + DAY),
    "subject is no id": _with(sub="admin"),
    "end is a word": _with(exp="tomorrow"),
    "no issuer": _without("iss"),
    "no audience": _without("aud"),
    "no subject": _without("sub"),
    "no session": _without("sid"),
    "no end": _without("exp"),
    "an identity token": lambda folder: _signed(folder, _claims(), typ="JWT"),
    "a refresh token": lambda folder: Signer(folder).sign(BEARER, "refresh"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_token_is_401(folder: Path, kind: str) -> None:
    keyring, token = Keyring(folder), WRONG[kind](folder)
    with pytest.raises(Refused) as refused:
        keyring.read(token)
    assert (refused.value.status, refused.value.code) == (401, "unauthorised")
    assert not refused.value.values


def test_a_token_ends_though_it_was_good_before(folder: Path) -> None:
    at = [time.time()]
    keyring, token = Keyring(folder, lambda: at[0]), Signer(folder).sign(BEARER)
    assert keyring.read(token)
    at[0] = BEARER.expires_at
    with pytest.raises(Refused):
        keyring.read(token)


def test_keys_change_while_requests_come(folder: Path) -> None:
    at = [time.time()]
    keyring, signer = Keyring(folder, lambda: at[0]), Signer(folder)
    before = signer.sign(BEARER)
    assert keyring.read(before)

    def wait() -> None:
        at[0] += 2
        assert keyring.read(signer.sign(BEARER)), "the old key still signs"

    rotate(folder, wait=wait)
    assert keyring.read(signer.sign(BEARER)), "the new key is looked up"
    assert keyring.read(before), "what the old one signed stays good until its end"
    rotate(folder, wait=wait)
    at[0] += 2
    for late in (keyring, Keyring(folder, lambda: at[0])):
        with pytest.raises(Refused):
            late.read(before)
    (folder / "public.json").write_text("{")
    at[0] += 2
    assert keyring.read(signer.sign(BEARER)), "with the keys that it has, while none can be read"
