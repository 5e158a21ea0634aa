"""Files that others may read at any moment: all of the old or all of the new."""

from __future__ import annotations

import secrets
from pathlib import Path


def replace(file: Path, text: str, mode: int) -> None:
    """`mode`: its rights, from the first moment on. The folder must be there."""
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    fresh.touch(mode)
    fresh.write_text(text)
    fresh.replace(file)
