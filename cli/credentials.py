"""What this user is signed in with: a refresh token for each city, in a file that nobody else
reads."""

from __future__ import annotations

import json
import os
from pathlib import Path

from libs.common import files


def kept(url: str) -> str | None:
    """Of the city at this address; None where nobody signed in from here."""
    token = _all().get(url)
    return str(token) if token else None


def keep(url: str, token: str) -> None:
    _write(_all() | {url: token})


def forget(url: str) -> None:
    _write({city: token for city, token in _all().items() if city != url})


def _file() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "civicgrid" / "sessions.json"


def _all() -> dict[str, str]:
    file = _file()
    return dict(json.loads(file.read_text())) if file.exists() else {}


def _write(tokens: dict[str, str]) -> None:
    file = _file()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.replace(file, json.dumps(tokens), 0o600)
