"""Somebody who is signed in at a city, as its own commands and those of its people need it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pyotp

from cli.passes import Pass
from libs.common.settings import Settings

PASSWORD = "Four geese over the weir"


def sign_in(settings: Settings, url: str, home: Path, person: UUID | None = None) -> None:
    """A founder of that city, or that person, and the session that the command finds in `home`.
    Each comes from elsewhere: an address has ten tries a minute."""
    assert settings.tokens
    name, secret = f"n{uuid4().hex[:12]}", pyotp.random_base32()
    codes = pyotp.TOTP(secret)
    elsewhere = {"X-Forwarded-For": ".".join(("10", *map(str, uuid4().bytes[:3])))}
    with httpx.Client(base_url=url, timeout=30, headers=elsewhere) as city:
        told: dict[str, object] = {"name": name, "founder": person is None}
        told |= {"person_ref": str(person)} if person else {}
        opened = city.post("/accounts", json=told, auth=Pass(settings.tokens)).json()
        proofs = {"name": name, "password": PASSWORD}
        now = time.time()
        first = {"totp_secret": secret, "code": codes.at(now)}
        proved = {**proofs, "invitation": opened["invitation"], **first}
        assert city.post("/accounts/activate", json=proved).status_code == 200
        answer = city.post("/sign-in", json={**proofs, "code": codes.at(now + 30)})
        assert answer.status_code == 201, answer.text
    file = home / "civicgrid" / "sessions.json"
    file.parent.mkdir(parents=True)
    file.write_text(
        json.dumps({url: {"name": name, "refresh_token": answer.json()["refresh_token"]}})
    )
