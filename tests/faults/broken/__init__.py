"""Builds that are broken on purpose, each in one promise: campaigns must find every one of them."""

from __future__ import annotations

from pathlib import Path

from tests.support.servers import ROOT

PATCHES = {file.stem: file for file in sorted(Path(__file__).parent.glob("*.patch"))}
RESULTS = ROOT / "tests" / "faults" / "results" / "broken.jsonl"
RUNS = 5
"""Campaigns of two minutes within which each is to be found."""
