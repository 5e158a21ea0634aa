"""The broken builds can still be made: each patch applies to what is here."""

from __future__ import annotations

import subprocess

import pytest

from tests.faults.broken import PATCHES
from tests.support.servers import ROOT


def test_there_are_eight() -> None:
    assert len(PATCHES) == 8


@pytest.mark.parametrize("name", PATCHES)
def test_the_patch_applies(name: str) -> None:
    check = ["git", "apply", "--check", str(PATCHES[name])]
    done = subprocess.run(check, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
