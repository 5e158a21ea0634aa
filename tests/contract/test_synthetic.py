"""No number of an identity card that is somebody's stands in this repository (row P23)."""

from __future__ import annotations

import re
import subprocess

import pytest

from libs.privacy.synthetic import has_one, is_somebodys, where
from tests.support.identities import CHECKS, FIRST, made_up, real
from tests.support.servers import ROOT

NUMBER = re.compile(rb"(?<![0-9A-Za-z.])[1-9][0-9]{16}[0-9Xx](?![0-9A-Za-z])")


def test_no_file_holds_one() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    assert len(files) > 300
    found = {
        str(file.relative_to(ROOT)): number
        for file in files
        if file.is_file()
        for number in NUMBER.findall(file.read_bytes())
        if is_somebodys(number.decode())
    }
    assert found == {}


@pytest.mark.parametrize("first", FIRST)
def test_one_check_digit_of_eleven_is_right(first: str) -> None:
    assert len([check for check in CHECKS if is_somebodys(first + check)]) == 1


def test_a_number_is_found_however_it_is_written() -> None:
    number = real()
    wide = "".join(chr(ord(one) + 0xFEE0) for one in number)
    apart = f"{number[:6]} {number[6:14]}-{number[14:]}"
    for told in (
        number,
        number.lower(),
        wide,
        apart,
        f"身份证{number}。",
        f"no. 12 {number}, then 3",
        f"ID{number}",
        f"{number}abc",
        f"20260101 {number[:10]} {number[10:]}",
        "  ".join((number[:6], number[6:14], number[14:])),
        *(sign.join((number[:6], number[6:14], number[14:])) for sign in "._/\u2010\u2011—\n"),
        number.translate({ord("0") + n: 0x0660 + n for n in range(10)}),
    ):
        assert has_one(told), told
    for told in (f"1{number}", f"{number}1", f"{number[:9]}a{number[9:]}", number[:17], ""):
        assert not has_one(told), told


def test_its_place_is_told_and_no_name_that_says_anything() -> None:
    number = real()
    assert where({"items": [{"text": "a"}, {"reporter": {"name": number}}]}) == (
        "/items/1/reporter/name"
    )
    assert where({"items": [{"Han Mei": number}]}) == "/items/0"
    assert where({"text": {number: 1}}) == "/text"
    assert where({"n": [1, int(real(FIRST[2]))]}) == "/n/1"
    assert where({"text": made_up(), "n": [1, 2.5, True, None]}) is None
