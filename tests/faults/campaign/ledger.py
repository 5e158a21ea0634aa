"""What campaigns proved, one line each, for ever added to."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.faults.campaign.plan import Plan
from tests.faults.campaign.run import Report
from tests.support.servers import ROOT

FILE = Path(__file__).parents[1] / "results" / "ledger.jsonl"
MOST_TOLD = 20


def line(report: Report, plan: Plan) -> dict[str, Any]:
    verdict = report.verdict
    broken = Counter(invariant for invariant, _ in verdict.violations)
    return {
        **_begun(report.seed, plan),
        "verdict": verdict.name,
        "acknowledged": verdict.checked["acknowledged"],
        "violations": len(verdict.violations),
        "broken": dict(broken),
        "missing": list(verdict.missing),
        "faults": dict(sorted(report.faults.items())),
        "asked": dict(sorted(report.asked.items())),
        "checked": dict(verdict.checked),
        "rest_seconds": report.rest_seconds,
    }


def failed(seed: int, plan: Plan, error: Exception) -> dict[str, Any]:
    """Of a campaign that came to no verdict."""
    return {**_begun(seed, plan), "verdict": "failed", "said": type(error).__name__}


def _begun(seed: int, plan: Plan) -> dict[str, Any]:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return {"at": at, "commit": commit(), "seed": seed, "seconds": plan.seconds}


def add(told: Mapping[str, Any]) -> None:
    FILE.parent.mkdir(exist_ok=True)
    with FILE.open("a") as out:
        out.write(json.dumps(told, ensure_ascii=False) + "\n")


def commit() -> str:
    """Of what ran; with `+` where files differ from it, the ledger aside."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--", ".", ":!tests/*/results")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changed else "")


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
