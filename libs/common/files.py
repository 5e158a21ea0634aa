"""Files that are read as YAML, and files that others may read at any moment while they change."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import yaml


def read_yaml(file: Path) -> Any:
    """By the loader that is written in C, several times as fast. Raises OSError, yaml.YAMLError."""
    return yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


def replace(file: Path, text: str, mode: int) -> None:
    """All of the old or all of the new is there. `mode`: its rights, from the first moment on. The
    folder must be there."""
    with replacing(file, mode) as out:
        out.write(text)


@contextmanager
def replacing(file: Path, mode: int) -> Iterator[TextIO]:
    """Written beside it; takes its place where the block ends well, else it is gone."""
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    fresh.touch(mode)
    try:
        with fresh.open("w", encoding="utf-8") as out:
            yield out
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
