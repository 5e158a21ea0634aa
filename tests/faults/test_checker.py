"""The checker itself: whatever is bent in the traces of a good run, it says so."""

from __future__ import annotations

import ast
import copy
import gc
import multiprocessing
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from tests.faults import checker, forgeries, misplaced, overlooked, reckoned, recorded
from tests.faults.bends import BENDS
from tests.faults.campaign.run import Report
from tests.faults.checker.enough import OF_A_THOUSAND, missing
from tests.faults.checker.seen import Seen, read
from tests.support.servers import ROOT

T = TypeVar("T")

FORK = multiprocessing.get_context("fork")
__all__ = ["forgeries", "misplaced", "overlooked", "reckoned", "recorded"]


@pytest.fixture(scope="module")
def good(campaign: tuple[Report, Path]) -> Seen:
    report, folder = campaign
    assert report.verdict.violations == (), "the run is no good one: see test_campaign.py"
    return read(folder)


def apart(what: Callable[[Seen], T], seen: Seen) -> T:
    """In a copy of this process, cheaper than one of the traces: they may be bent there."""
    hears, tells = FORK.Pipe(duplex=False)

    def work() -> None:
        gc.disable()  # else all that is there is looked through, and copied by that
        tells.send(what(seen))

    child = FORK.Process(target=work)
    child.start()
    tells.close()
    try:
        found: T = hears.recv()
    finally:
        child.join()
    return found


@pytest.mark.timeout(500)
@pytest.mark.parametrize("name", BENDS)
def test_what_was_bent_is_found(good: Seen, name: str) -> None:
    invariant, how, rule = BENDS[name]

    def is_found(bent: Seen) -> bool:
        how(bent)
        bent.__dict__.pop("operations", None)
        return any(broken == invariant for broken, _ in rule(bent))

    assert apart(is_found, good)


def test_as_many_ways_as_are_tried_are_told_of() -> None:
    told = (ROOT / "tests" / "faults" / "README.md").read_text()
    assert f"in {len(BENDS)} ways" in told


def test_what_was_mended_by_publishing_again_is_found(
    campaign: tuple[Report, Path], tmp_path: Path
) -> None:
    """It was lost before the topics were made anew, and is there at the end."""
    at_the_end = shutil.copytree(campaign[1], tmp_path / "seen")
    earlier = shutil.copytree(campaign[1], at_the_end / checker.BEFORE_WIPE)
    assert checker.check(at_the_end).violations == ()
    topic = earlier / "topic.civicgrid.leads.jsonl"
    routed = [line for line in topic.read_text().splitlines() if '"lead.routed.v1"' in line]
    topic.write_text(topic.read_text().replace(f"{routed[-1]}\n", ""))
    verdict = checker.check(at_the_end)
    assert verdict.name == "invalid"
    assert "I5" in {invariant for invariant, _ in verdict.violations}


def test_too_little_proves_nothing(good: Seen) -> None:
    few, calm = copy.copy(good), copy.copy(good)
    few.end = good.end | {"least": 10**9}
    calm.end = good.end | {"expected": ["an earthquake"]}
    for seen in (few, calm):
        assert checker.judge(seen).name == "unknown"


@pytest.mark.parametrize("name", OF_A_THOUSAND)
def test_nothing_is_proved_where_a_kind_of_load_is_missing(good: Seen, name: str) -> None:
    def wanted(bare: Seen) -> Sequence[str]:
        how = name.removeprefix("asked again: ")
        bare.history[:] = [
            {key: value for key, value in line.items() if key != name}
            for line in bare.history
            if line["kind"] != name and (line["what"], line.get("how")) != ("again", how)
        ]
        if name == "poison":
            bare.poison.clear()
        bare.end["faults"].pop(name, None)
        bare.end["least"] = 1000
        bare.__dict__.pop("operations", None)
        return tuple(missing(bare))

    assert any(one.startswith(f"{name}: 0 are too few") for one in apart(wanted, good))


def test_a_fault_that_is_not_in_the_journal_never_happened(good: Seen) -> None:
    calm = copy.copy(good)
    calm.faults = []
    assert "the fault 'kill service' never happened" in checker.judge(calm).missing


def test_the_checker_knows_nothing_of_the_product() -> None:
    for file in (ROOT / "tests" / "faults" / "checker").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                known = name.split(".")[0] in sys.stdlib_module_names
                assert known or name.startswith("tests.faults.checker") or name == "tests.faults"
