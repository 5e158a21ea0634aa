"""What this user is signed in with: a name and a refresh token for each city, in a file that nobody
else reads."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from libs.common import files


class Kept(NamedTuple):
    """`name`: signed in by, which the city itself does not know any more."""

    name: str
    refresh_token: str


def kept(url: str) -> Kept | None:
    """Of the city at this address; None where nobody signed in from here."""
    match _all().get(url):
        case {"name": str(name), "refresh_token": str(token)}:
            return Kept(name, token)
    return None


def keep(url: str, name: str, token: str) -> None:
    _write(_all() | {url: Kept(name, token)._asdict()})


def forget(url: str) -> None:
    _write({city: token for city, token in _all().items() if city != url})


def _file() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "civicgrid" / "sessions.json"


def _all() -> dict[str, Any]:
    file = _file()
    return dict(json.loads(file.read_text())) if file.exists() else {}


def _write(tokens: dict[str, Any]) -> None:
    file = _file()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.replace(file, json.dumps(tokens), 0o600)
