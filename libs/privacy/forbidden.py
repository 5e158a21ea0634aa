"""Names of things that must not exist here at all."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator
from functools import cache, cached_property, lru_cache
from itertools import permutations
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

    @cached_property
    def single(self) -> frozenset[str]:
        """`words`, and two of `together` run into one, either way round."""
        pairs = (both for pair in self.together for both in permutations(pair))
        return self.words.union(map("".join, pairs))

    def holds(self, name: str, words: frozenset[str]) -> bool:
        return (
            not words.isdisjoint(self.single)
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
        squeezed = re.sub(r"[\W_]", "", plain)
        told = [squeezed.casefold(), *_WORD.findall(humps), *_WORD.findall(plain.casefold())]
        words = frozenset([*told, *(one for word in told for one in _singular(word))])
        for group in groups():
            if group.holds(squeezed, words):
                return group.why
    return None


def _singular(word: str) -> Iterator[str]:
    """What many of it could be called, each."""
    for end, one in (("ies", "y"), ("es", ""), ("s", "")):
        if word.endswith(end):
            yield word.removesuffix(end) + one


def _readings(name: str) -> Iterator[str]:
    """As it is written, and what it says if it is written in base64."""
    yield unicodedata.normalize("NFKC", name)
    if _BASE64.fullmatch(name):
        text = name.rstrip("=").translate(str.maketrans("-_", "+/"))
        try:
            yield base64.b64decode(text + "=" * (-len(text) % 4)).decode()
        except (binascii.Error, UnicodeDecodeError):
            return
