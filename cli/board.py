"""The flow on a screen: counts, latencies, the newest leads."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table

from cli.flow import STAGES, Flow, Journey

SHOWN = 12
REFRESH_SECONDS = 0.25


def percentile(values: Sequence[float], share: float) -> float | None:
    """Of sorted values, the one that `share` of them do not exceed."""
    return values[max(0, math.ceil(len(values) * share) - 1)] if values else None


def took(milliseconds: float | None) -> str:
    """In words where no time passed; empty where it did not come that far."""
    if milliseconds is None:
        return ""
    return f"{milliseconds:.0f}" if milliseconds >= 0.5 else "at once"


def board(journeys: Iterable[Journey]) -> RenderableType:
    known = list(journeys)
    return Group(_counts(known), _newest(known[-SHOWN:]))


def screen_of(console: Console, *, transient: bool = False) -> Live:
    return Live(board(()), console=console, auto_refresh=False, transient=transient)


async def follow(flow: Flow, screen: Live) -> None:
    """Show what happened, and let a moment pass."""
    await flow.look()
    screen.update(board(flow.journeys.values()), refresh=True)
    await asyncio.sleep(REFRESH_SECONDS)


def _counts(journeys: Sequence[Journey]) -> Table:
    table = Table("stage", "leads", "p50 ms", "p99 ms", title="from capture to", box=None)
    table.add_row("captured", f"{len(journeys):,}", "", "")
    for stage in STAGES:
        times = sorted(t for one in journeys if (t := one.milliseconds(stage)) is not None)
        shown = (percentile(times, share) for share in (0.5, 0.99))
        table.add_row(stage, f"{len(times):,}", *map(took, shown))
    return table


def _newest(journeys: Sequence[Journey]) -> Table:
    names = ("lead type", "cell", "told", *STAGES)
    table = Table(*names, title="the newest leads, in ms", box=None)
    for one in reversed(journeys):
        times = (one.milliseconds(stage) for stage in STAGES)
        table.add_row(one.lead_type, one.cell or "", str(len(one.recipients)), *map(took, times))
    return table
