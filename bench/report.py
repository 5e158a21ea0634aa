"""`python -m bench.report`: the last results, as tables in README.md."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bench import goals, results
from bench.catalogue import BENCHMARKS
from bench.goals import Verdict
from bench.machine import ROOT
from bench.results import Result, number, shown

README = ROOT / "bench" / "README.md"
NOTABLE_PERCENT = 20
BEGIN, END = "<!-- made by python -m bench.report -->", "<!-- until here -->"


def write() -> None:
    """Replace what stands between the marks."""
    found = [result for name in BENCHMARKS if (result := results.last(name))]
    text = "\n".join(line for result in found for line in _lines(result))
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.S)
    told = README.read_text(encoding="utf-8")
    README.write_text(pattern.sub(lambda _: f"{BEGIN}\n{text}\n{END}", told), encoding="utf-8")


def line(verdict: Verdict) -> dict[str, str]:
    """Goal, what was measured (a median, or the worst round), and whether it is met; why it is not,
    the results that are kept say."""
    goal, value = verdict.goal, verdict.value
    if value is None:
        return {"goal": goal.goal, "measured": "", "verdict": "not measured in this run"}
    told = "met" if verdict.is_met else "missed"
    if verdict.others > NOTABLE_PERCENT:
        told += f"; others took {verdict.others:.0f} percent of the machine"
    return {
        "goal": goal.goal,
        "measured": number(value) + (" in the worst round" if goal.in_every_round else ""),
        "verdict": told,
    }


def _explained(verdict: Verdict) -> dict[str, str]:
    told = line(verdict)
    if verdict.is_met:
        return told
    reason = " ".join((verdict.goal.reason or "no reason is known yet").split())
    return {**told, "verdict": f"{told['verdict']}: {reason}"}


def _lines(result: Result) -> Iterator[str]:
    hardware = result["hardware"]
    yield f"## {result['benchmark']}\n"
    yield (
        f"{result['at'][:16]}, commit {result['commit']}, {result['sizing']} size,"
        f" {result['rounds']} rounds, seed {result['seed']}, {_told(result['data'])}."
        f" {hardware['cores']} cores ({hardware['processor']}),"
        f" {hardware['memory_mib'] // 1024} GiB; load before it began: {result['load_before']},"
        f" yardstick: {result.get('yardstick_ms', 'not taken')}.\n"
    )
    yield from _table([_explained(one) for one in goals.verdicts(result)])
    yield from _table(list(_rows(result)))


def _rows(result: Result) -> Iterator[dict[str, str]]:
    for side, figures in result["sides"].items():
        for name, spread in figures.items():
            yield {"side": side, "figure": name.replace("_", " "), **shown(spread)}
    for one in result["ratios"]:
        yield {
            "side": f"{one['of']} / {one['to']}",
            "figure": f"ratio of {one['figure'].replace('_', ' ')}",
            **shown(one["spread"]),
        }


def _table(rows: list[dict[str, str]]) -> Iterator[str]:
    if not rows:
        return
    yield f"| {' | '.join(rows[0])} |"
    yield f"|{' --- |' * len(rows[0])}"
    for row in rows:
        yield f"| {' | '.join(row.values())} |"
    yield ""


def _told(data: dict[str, object]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in data.items())


if __name__ == "__main__":
    write()
