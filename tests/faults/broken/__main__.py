"""`python -m tests.faults.broken [NAME ...]`: are they found? Exit code 1: one is not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tests.faults.broken import PATCHES, RESULTS, RUNS
from tests.faults.campaign.ledger import commit
from tests.support.servers import ROOT

INVALID = 1


def main(
    names: Annotated[list[str] | None, typer.Argument(help="all, if left out")] = None,
    runs: Annotated[int, typer.Option(help="campaigns at most, for each")] = RUNS,
    seed: Annotated[int, typer.Option(help="of the first; each later one is one more")] = 100,
) -> None:
    missed = [name for name in names or PATCHES if not _is_found(name, runs, seed)]
    if missed:
        print(f"not found: {', '.join(missed)}")
    sys.exit(bool(missed))


def _is_found(name: str, runs: int, seed: int) -> bool:
    build = ROOT / ".data" / "broken" / name
    shutil.rmtree(build, ignore_errors=True)
    try:
        _run("git", "clone", "--quiet", "--shared", str(ROOT), str(build), cwd=ROOT)
        _run("git", "apply", str(PATCHES[name]), cwd=build)
        for n in range(runs):
            told = _campaign(build, seed + n)
            line = {"build": name, "commit": commit(), "run": n + 1, "seed": seed + n, **told}
            _keep(line)
            if told["verdict"] == "invalid":
                return True
        return False
    finally:
        shutil.rmtree(build, ignore_errors=True)


def _campaign(build: Path, seed: int) -> Mapping[str, Any]:
    """The verdict of one campaign over that build, and which invariants it broke."""
    command = [sys.executable, "-m", "tests.faults.campaign", "--plan", "search", "--no-ledger"]
    command += ["--seed", str(seed), "--folder", str(build / ".data" / "seen")]
    plain = {**os.environ, "_TYPER_STANDARD_TRACEBACK": "1"}
    done = subprocess.run(command, cwd=build, env=plain, capture_output=True, text=True)
    text = done.stdout
    if "{" not in text:
        return {"verdict": "failed", "said": done.stderr.rstrip().rpartition("\n")[2]}
    line = json.loads(text[text.index("{") : text.rindex("\n}") + 2])
    return {name: line[name] for name in ("verdict", "violations", "broken", "acknowledged")}


def _keep(line: Mapping[str, Any]) -> None:
    print(json.dumps(line), flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a") as out:
        out.write(json.dumps(line) + "\n")


def _run(*command: str, cwd: Path) -> None:
    subprocess.run(command, cwd=cwd, check=True)


if __name__ == "__main__":
    typer.run(main)
