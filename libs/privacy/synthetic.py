"""In a demo nobody is real: what could be the number of somebody's identity card is refused,
wherever it stands (row P23). A city of people takes such numbers; generated persons have none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from typing import Any

CODE = "real_identity"
_APART = r"[^0-9A-Za-z]{0,2}"
_NUMBER = re.compile(rf"(?<!\d)(?=([1-9](?:{_APART}[0-9]){{16}}{_APART}[0-9Xx])(?!\d))")
"""Looked for at each digit: one number does not hide the next."""
_WEIGHTS = tuple(2 ** (17 - n) % 11 for n in range(17))
_CHECKS = "10X98765432"
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,39}")


def is_somebodys(number: str) -> bool:
    """Of GB 11643, eighteen characters: a region, a day of birth, and a check digit by MOD 11-2
    that is right."""
    total = sum(int(digit) * weight for digit, weight in zip(number, _WEIGHTS, strict=False))
    if _CHECKS[total % 11] != number[17].upper() or not 11 <= int(number[:2]) <= 91:
        return False
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    return 1900 <= born.year <= 2100


def has_one(text: str) -> bool:
    """Also where its digits are wide or of another script, or stand apart."""
    plain = "".join(_digit(one) for one in unicodedata.normalize("NFKC", text))
    found = _NUMBER.findall(plain)
    return any(is_somebodys(re.sub("[^0-9Xx]", "", number)) for number in found)


def _digit(one: str) -> str:
    return one if one.isascii() else str(unicodedata.decimal(one, one))


def where(told: Any) -> str | None:
    """In what JSON says: a JSON Pointer to the first; None where there is none. What stands below a
    name that no field of ours could have is told as what holds it."""
    match told:
        case dict():
            if any(map(has_one, told)):
                return ""
            return _first(
                (name if _FIELD.fullmatch(name) else None, one) for name, one in told.items()
            )
        case list() | tuple():
            return _first((str(n), one) for n, one in enumerate(told))
        case str() | int():
            return "" if has_one(str(told)) else None
    return None


def _first(parts: Iterable[tuple[str | None, Any]]) -> str | None:
    for name, one in parts:
        if (inside := where(one)) is not None:
            return "" if name is None else f"/{name}{inside}"
    return None
