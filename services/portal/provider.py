"""The city's provider of OpenID Connect: who somebody is, by their account there.

It is asked at addresses of its own host alone, as its discovery names them; no redirect is followed
(rows S4, S8). What it answers says who somebody is and is never a token of this city.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from libs.common.messages import Refused
from libs.common.settings import LEAST_PASSWORD, Settings, SettingsError
from libs.rights.tokens import MAX_LENGTH, SKEW_SECONDS, unauthorised

ALGORITHMS = ("ES256", "PS256", "RS256")
"""With keys of which one half is public: nobody who reads it can sign."""
DISCOVERY = "/.well-known/openid-configuration"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
GOOD_FOR_SECONDS, AGAIN_SECONDS = 3600.0, 30.0
"""How long what it published is kept, and how soon an unknown key makes it be asked for anew."""
WAIT_SECONDS, MAX_BYTES = 5.0, 256 * 1024
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Try:
    """To sign in once: what goes to the provider, and what must come back."""

    state: str
    nonce: str
    verifier: str

    @property
    def challenge(self) -> str:
        """Of PKCE (RFC 7636), S256."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True)
class Published:
    """What the provider says of itself."""

    endpoints: Mapping[str, str]
    keys: KeySet
    read_at: float


class Provider:
    def __init__(
        self,
        issuer: str,
        client: str,
        redirect: str,
        secret: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.issuer, self._client, self._redirect = issuer, client, redirect
        self._secret, self._now = secret, now
        self._published: Published | None = None

    async def address(self, tried: Try) -> str:
        """Where somebody goes to sign in."""
        published = await self._known()
        asked = {
            "response_type": "code",
            "scope": "openid",
            "client_id": self._client,
            "redirect_uri": self._redirect,
            "state": tried.state,
            "nonce": tried.nonce,
            "code_challenge": tried.challenge,
            "code_challenge_method": "S256",
        }
        return f"{published.endpoints['authorization_endpoint']}?{urlencode(asked)}"

    async def subject(self, code: str, tried: Try) -> str:
        """Who came back with this code. Raises Refused, 401."""
        published = await self._known()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect,
            "client_id": self._client,
            "code_verifier": tried.verifier,
        }
        auth = httpx.BasicAuth(self._client, self._secret) if self._secret else None
        endpoint = published.endpoints["token_endpoint"]
        answer = await _asked("POST", endpoint, data=form, auth=auth)
        token = answer.get("id_token") if answer else None
        if not isinstance(token, str) or len(token) > 4 * MAX_LENGTH:
            raise unauthorised()
        return await self._subject_of(token, tried.nonce)

    async def _subject_of(self, token: str, nonce: str) -> str:
        try:
            decoded = await self._verified(token)
            _registry(self.issuer, self._client, int(self._now())).validate(decoded.claims)
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise unauthorised() from error
        claims = decoded.claims
        meant = claims["aud"] == self._client or claims.get("azp") == self._client
        same = hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode())
        if not meant or not same or not claims["sub"]:
            raise unauthorised()
        return str(claims["sub"])

    async def _verified(self, token: str) -> jwt.Token:
        """By a key that the provider published, whatever address or key the token itself names."""
        keys = (await self._known()).keys
        try:
            return jwt.decode(token, keys, algorithms=ALGORITHMS)
        except InvalidKeyIdError:
            anew = await self._known(AGAIN_SECONDS)
            if anew.keys is keys:
                raise
        return jwt.decode(token, anew.keys, algorithms=ALGORITHMS)

    async def _known(self, within: float = GOOD_FOR_SECONDS) -> Published:
        """Read not longer ago than that. Raises Refused, 503."""
        if self._published is None or self._now() - self._published.read_at > within:
            self._published = await self._read()
        return self._published

    async def _read(self) -> Published:
        found = await _asked("GET", self.issuer.rstrip("/") + DISCOVERY)
        if not found or found.get("issuer") != self.issuer:
            raise _away()
        endpoints = {name: str(found.get(name)) for name in ENDPOINTS}
        if any(_place(url) != _place(self.issuer) for url in endpoints.values()):
            raise _away()
        keys = await _asked("GET", endpoints["jwks_uri"])
        try:
            return Published(endpoints, KeySet.import_key_set(keys), self._now())  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise _away() from error


def provider_of(settings: Settings) -> Provider | None:
    """The one that is set; None where none is. Raises SettingsError."""
    issuer, client, redirect = settings.oidc_issuer, settings.oidc_client, settings.oidc_redirect
    if issuer is None:
        return None
    if client is None or redirect is None:
        raise SettingsError(
            "CIVICGRID_OIDC_ISSUER needs CIVICGRID_OIDC_CLIENT and CIVICGRID_OIDC_REDIRECT besides"
        )
    place = _place(issuer)
    if place is None or (place[0] != "https" and place[1] not in LOOPBACK):
        raise SettingsError("CIVICGRID_OIDC_ISSUER must begin with https://")
    try:
        file = settings.oidc_secret
        secret = file.read_text().strip() if file else None
    except OSError as error:
        raise SettingsError(f"CIVICGRID_OIDC_SECRET cannot be read ({error})") from error
    if secret is not None and len(secret) < LEAST_PASSWORD:
        raise SettingsError(
            "CIVICGRID_OIDC_SECRET is easily found: have the provider give one of"
            f" {LEAST_PASSWORD} characters or more, or leave it out for a client that has none"
        )
    return Provider(issuer, client, redirect, secret)


def _place(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port; None where it is no address."""
    try:
        parts = urlsplit(url)
        return (parts.scheme, parts.hostname, parts.port) if parts.hostname else None
    except ValueError:
        return None


async def _asked(method: str, url: str, **more: Any) -> dict[str, Any] | None:
    """A document; None where it answers no 200 or nothing that can be read. Raises Refused, 503,
    where nothing answers."""
    try:
        async with (
            httpx.AsyncClient(timeout=WAIT_SECONDS, follow_redirects=False) as client,
            client.stream(method, url, **more) as answer,
        ):
            body = b""
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > MAX_BYTES:
                    return None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _away() from error
    if answer.status_code != 200:
        return None
    try:
        document = json.loads(body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _away() -> Refused:
    return Refused("unavailable", status=503)


def _registry(issuer: str, client: str, now: int) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        now=now,
        leeway=SKEW_SECONDS,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client},
        sub={"essential": True},
        nonce={"essential": True},
        iat={"essential": True},
        exp={"essential": True},
    )
