"""A small provider of OpenID Connect over HTTP, with keys of its own; it lies if told to."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT, REDIRECT = "civicgrid-portal", "https://city.example/back"
Claims = dict[str, Any]


@dataclass
class Provider:
    """`token`: makes the ID token of claims; `discovery`: changes what it says of itself. `asked`:
    paths, in their order."""

    url: str = ""
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", private=True))
    rsa: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, private=True))
    token: Callable[[Claims], str] | None = None
    discovery: dict[str, Any] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    codes: dict[str, tuple[str, dict[str, list[str]]]] = field(default_factory=dict)

    @property
    def keys(self) -> dict[str, Any]:
        public = [self.key.as_dict(private=False), self.rsa.as_dict(private=False)]
        kids = (self.key.thumbprint(), self.rsa.thumbprint())
        return {"keys": [{**one, "kid": kid} for one, kid in zip(public, kids, strict=True)]}

    def sign_in(self, address: str, subject: str) -> tuple[str, str]:
        """What somebody brings back who signed in there: a code, and the state."""
        query = parse_qs(urlsplit(address).query)
        code = secrets.token_urlsafe(8)
        self.codes[code] = (subject, query)
        return code, query["state"][0]

    def claims(self, subject: str, nonce: str) -> Claims:
        now = int(time.time())
        told = {"iss": self.url, "aud": CLIENT, "sub": subject, "nonce": nonce}
        return {**told, "iat": now, "exp": now + 300}

    def signed(self, claims: Claims, **header: Any) -> str:
        told = {"alg": "ES256", "kid": self.key.thumbprint(), **header}
        return jwt.encode(told, claims, self.key, algorithms=["ES256"])

    def answer(self, path: str, form: dict[str, list[str]]) -> Any:
        """None: there is nothing."""
        if path == "/.well-known/openid-configuration":
            own = {name: f"{self.url}/{part}" for name, part in ENDPOINTS.items()}
            return {"issuer": self.url, **own, **self.discovery}
        if path == "/keys":
            return self.keys
        if path == "/token":
            return self._exchanged(form)
        return None

    def _exchanged(self, form: dict[str, list[str]]) -> Any:
        """Once for each code, and only for whoever began the try (RFC 7636)."""
        subject, asked = self.codes.pop(form["code"][0], ("", {}))
        digest = hashlib.sha256(form["code_verifier"][0].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked.get("code_challenge") != [challenge] or asked["redirect_uri"] != [REDIRECT]:
            return None
        claims = self.claims(subject, asked["nonce"][0])
        return {"id_token": (self.token or self.signed)(claims), "token_type": "Bearer"}


ENDPOINTS = {
    "authorization_endpoint": "authorize",
    "token_endpoint": "token",
    "jwks_uri": "keys",
}


@contextmanager
def provider_at_work() -> Iterator[Provider]:
    there = Provider()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            form = parse_qs(self.rfile.read(length).decode())
            there.asked.append(self.path)
            if target := there.redirects.get(self.path):
                self.send_response(302)
                self.send_header("Location", target)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            found = there.answer(self.path, form)
            body = json.dumps(found or {"error": "invalid_grant"}).encode()
            self.send_response(200 if found else 400)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    there.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield there
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
