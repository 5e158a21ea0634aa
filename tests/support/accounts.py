"""Somebody who is signed in at a city, as its own commands and those of its people need it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from uuid import uuid4

import httpx
import pyotp

from cli.passes import Pass
from libs.common.settings import Settings

PASSWORD = "Four geese over the weir"


def sign_in_founder(settings: Settings, url: str, home: Path) -> None:
    """A founder of that city, and the session that the command finds in `home`."""
    assert settings.tokens
    name, secret = f"n{uuid4().hex[:12]}", pyotp.random_base32()
    codes = pyotp.TOTP(secret)
    with httpx.Client(base_url=url, timeout=30) as city:
        told = {"name": name, "founder": True}
        opened = city.post("/accounts", json=told, auth=Pass(settings.tokens)).json()
        proofs = {"name": name, "password": PASSWORD}
        now = time.time()
        first = {"totp_secret": secret, "code": codes.at(now)}
        told = {**proofs, "invitation": opened["invitation"], **first}
        assert city.post("/accounts/activate", json=told).status_code == 200
        answer = city.post("/sign-in", json={**proofs, "code": codes.at(now + 30)})
        assert answer.status_code == 201, answer.text
    file = home / "civicgrid" / "sessions.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({url: answer.json()["refresh_token"]}))
