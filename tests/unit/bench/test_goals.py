"""What is measured is held against what is claimed, and not in its favour."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from bench import goals, machine, report, results
from bench.__main__ import _show
from bench.frame import spread
from bench.goals import Goal, Verdict
from bench.spike import Lives, figures

STEP = 10.0
SPREAD = {"min": 1.0, "median": 2.0, "max": 9.0}
MEASURED = {"sides": {"ours": {"lost": SPREAD}}, "ratios": [], "benchmark": "made up"}


def _verdict(monkeypatch: pytest.MonkeyPatch, goal: Goal) -> Verdict:
    monkeypatch.setattr(goals, "read", lambda: {"made up": (goal,)})
    return goals.verdicts(MEASURED)[0]


def test_a_limit_in_every_round_is_held_against_the_worst(monkeypatch: pytest.MonkeyPatch) -> None:
    most = Goal(goal="", figure=("lost", "ours"), at_most=2, in_every_round=True)
    assert not _verdict(monkeypatch, most).is_met
    assert _verdict(monkeypatch, most.model_copy(update={"in_every_round": False})).is_met
    least = Goal(goal="", figure=("lost", "ours"), at_least=2, in_every_round=True)
    assert _verdict(monkeypatch, least).value == 1


def test_what_was_not_measured_is_not_met(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = _verdict(monkeypatch, Goal(goal="", figure=("lost", "theirs"), at_most=2))
    assert verdict.value is None and not verdict.is_met


@pytest.mark.parametrize(("percent", "told"), [(20.0, ""), (55.4, "; others took 55 percent")])
def test_what_others_took_meanwhile_stands_beside_the_verdict(
    monkeypatch: pytest.MonkeyPatch, percent: float, told: str
) -> None:
    others = asdict(spread([percent]))
    sides = {"ours": {"lost": SPREAD, "percent_of_others": others}, "theirs": {"lost": SPREAD}}
    goal = Goal(goal="", ratio=("lost", "theirs", "ours"), at_most=2, reason="63 us, once")
    ratio = {"figure": "lost", "of": "theirs", "to": "ours", "spread": SPREAD}
    monkeypatch.setattr(goals, "read", lambda: {"made up": (goal,)})
    measured = {**MEASURED, "sides": sides, "ratios": [ratio]}
    said = report.line(goals.verdicts(measured)[0])["verdict"]
    assert said.startswith(f"met{told}") and (told or said == "met")
    missed = {**ratio, "spread": asdict(spread([9.0]))}
    said = report.line(goals.verdicts({**measured, "ratios": [missed]})[0])["verdict"]
    assert said.startswith("missed") and "63 us" not in said


@pytest.mark.parametrize(("sizing", "kept"), [("quick", 0), ("full", 1)])
def test_of_a_quick_run_nothing_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sizing: str, kept: int
) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    monkeypatch.setattr(machine, "ROOT", tmp_path)
    _show({**MEASURED, "sizing": sizing, "rounds": 1, "data": {}})
    assert len(list(tmp_path.iterdir())) == kept


def test_a_failure_that_is_no_503_is_told_from_one_that_is() -> None:
    lives = Lives(took=[(5, 20.0)] * 8, failed=[(52, 503), (53, 0), (54, 500)], refused=7)
    found = figures(lives, STEP, 1)
    assert (found["failed_by_503"], found["failed_otherwise"]) == (1, 2)


def test_a_lifecycle_of_which_one_request_failed_is_no_success() -> None:
    """One was taken whole, one failed at its last request."""
    lives = Lives(took=[(5, 20.0)] * 9, failed=[(6, 503)], whole=[100.0])
    assert figures(lives, STEP, 1)["success_percent"] == pytest.approx(50)


def test_what_misses_its_goal_by_a_hair_is_not_rounded_until_it_is_met(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    goal = Goal(goal="", figure=("success_percent", "ours"), at_least=99.9)
    measured = {**MEASURED, "sides": {"ours": {"success_percent": asdict(spread([99.896]))}}}
    monkeypatch.setattr(goals, "read", lambda: {"made up": (goal,)})
    assert not goals.verdicts(measured)[0].is_met


def test_the_knee_is_the_highest_step_that_holds() -> None:
    """Steps of 10 s: 15 a second holds, 25 is slow, 35 fails a request."""
    took = [(12.0, 900.0), (32.0, 1_100.0), (52.0, 50.0)]
    found = figures(Lives(took=took, failed=[(53, 503)]), STEP, 20)
    assert found["knee_lifecycles_per_second"] == 15 * 20


def test_what_was_served_at_the_highest_counts_by_when_it_was_answered() -> None:
    took = [(49.0, 2_000.0)] * 50 + [(59.5, 2_000.0)] * 25
    found = figures(Lives(took=took), STEP, 1)
    assert found["taken_lifecycles_per_second_at_the_highest"] == pytest.approx(1)
