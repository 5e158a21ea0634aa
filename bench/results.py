"""What was measured, kept a line each run in `results/`, and shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import machine
from bench.frame import Compared, Sizing
from cli.screen import show_table

FOLDER = Path(__file__).parent / "results"

Result = Mapping[str, Any]
"""A line of `results/*.jsonl`: `Compared` as JSON, with where and when."""


def made(
    benchmark: str,
    sizing: Sizing,
    compared: Compared,
    postgres: str,
    load: float,
    yardstick_ms: float,
) -> Result:
    """`load`, `yardstick_ms`: of the machine before it began."""
    return {
        "benchmark": benchmark,
        "sizing": sizing,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": machine.commit(),
        "hardware": machine.hardware(),
        "load_before": load,
        "yardstick_ms": yardstick_ms,
        "versions": machine.versions(postgres),
        **asdict(compared),
    }


def keep(result: Result) -> Path:
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{result['benchmark']}.jsonl"
    with file.open("a") as ledger:
        ledger.write(json.dumps(result) + "\n")
    return file


def last(benchmark: str) -> Result | None:
    """The last full run."""
    file = FOLDER / f"{benchmark}.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    found: list[Result] = [one for one in map(json.loads, lines) if one.get("sizing") == "full"]
    return next(reversed(found), None)


def show(result: Result) -> None:
    """Sides beside each other for every figure, then their ratios."""
    names = dict.fromkeys(name for figures in result["sides"].values() for name in figures)
    rows = [
        {"figure": name.replace("_", " "), "side": side, **shown(figures[name])}
        for name in names
        for side, figures in result["sides"].items()
        if name in figures
    ]
    show_table(rows, f"{result['benchmark']}: {result['rounds']} rounds, {result['data']}")
    show_table(
        [
            {"ratio of": one["figure"].replace("_", " "), "": f"{one['of']} / {one['to']}"}
            | shown(one["spread"])
            for one in result["ratios"]
        ]
    )


def shown(spread: Mapping[str, float]) -> dict[str, str]:
    return {name: number(value) for name, value in spread.items()}


def number(value: float) -> str:
    """Four digits that count; no more are true."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
