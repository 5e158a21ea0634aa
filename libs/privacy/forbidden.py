"""Names of things that must not exist here at all."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from libs.common.files import read_yaml

FILE = Path(__file__).with_name("forbidden.yaml")
_WORD = re.compile(r"[a-z]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")


class Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    why: str
    words: frozenset[str]
    together: tuple[frozenset[str], ...]
    parts: tuple[str, ...]

    def holds(self, name: str, words: frozenset[str]) -> bool:
        return (
            not self.words.isdisjoint(words)
            or any(pair <= words for pair in self.together)
            or any(part in name for part in self.parts)
        )


@cache
def groups() -> tuple[Group, ...]:
    return tuple(map(Group.model_validate, read_yaml(FILE)))


@lru_cache(maxsize=4096)
def why_not(name: str) -> str | None:
    """Why nothing may be called so; None where it may."""
    for plain in _readings(name):
        humps = _HUMP.sub(" ", plain).casefold()
        words = frozenset([*_WORD.findall(humps), *_WORD.findall(plain.casefold())])
        squeezed = re.sub(r"[\W_]", "", plain)
        for group in groups():
            if group.holds(squeezed, words):
                return group.why
    return None


def _readings(name: str) -> Iterator[str]:
    """As it is written, and what it says if it is written in base64."""
    yield unicodedata.normalize("NFKC", name)
    if _BASE64.fullmatch(name):
        text = name.rstrip("=").translate(str.maketrans("-_", "+/"))
        try:
            yield base64.b64decode(text + "=" * (-len(text) % 4)).decode()
        except (binascii.Error, UnicodeDecodeError):
            return
