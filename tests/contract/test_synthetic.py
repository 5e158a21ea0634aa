"""No number of an identity card that is somebody's stands in this repository (row P23)."""

from __future__ import annotations

import re
import subprocess
from datetime import date

import pytest

from tests.support.servers import ROOT

NUMBER = re.compile(rb"(?<![0-9A-Za-z.])[1-9][0-9]{16}[0-9Xx](?![0-9A-Za-z])")
WEIGHTS = [2 ** (17 - n) % 11 for n in range(17)]
CHECKS = b"10X98765432"


def is_somebodys(number: bytes) -> bool:
    """Of GB 11643: a region, a day of birth, and a check digit by MOD 11-2 that is right."""
    total = sum(int(chr(digit)) * weight for digit, weight in zip(number, WEIGHTS, strict=False))
    if CHECKS[total % 11] != number.upper()[17] or not 11 <= int(number[:2]) <= 91:
        return False
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    return 1900 <= born.year <= 2100


def test_no_file_holds_one() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    assert len(files) > 300
    found = {
        str(file.relative_to(ROOT)): number
        for file in files
        if file.is_file()
        for number in NUMBER.findall(file.read_bytes())
        if is_somebodys(number)
    }
    assert found == {}


@pytest.mark.parametrize("first", [b"11010519491231002", b"44052419800101001"])
def test_one_check_digit_of_eleven_is_right(first: bytes) -> None:
    """Made up here: examples of the standard itself would be found by the scan."""
    right = [first + check.to_bytes() for check in CHECKS if is_somebodys(first + check.to_bytes())]
    assert len(right) == 1
