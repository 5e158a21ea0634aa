"""`python -m tests.faults.campaign`: a campaign with a seed, its verdict, a line in the ledger."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from tests.faults.campaign import ledger
from tests.faults.campaign.load import Mix
from tests.faults.campaign.plan import BRIEF, LONG, SEARCH, Plan
from tests.faults.campaign.run import Report, run
from tests.support.servers import ROOT

PLANS = {"brief": BRIEF, "search": SEARCH, "long": LONG}
SEEN = ROOT / ".data" / "faults-seen"


def main(
    seed: Annotated[int | None, typer.Option(help="drawn and told, where none is given")] = None,
    plan: Annotated[str, typer.Option(help=" | ".join(PLANS))] = "long",
    rate: Annotated[float, typer.Option(help="leads a second")] = Mix().rate,
    folder: Annotated[Path, typer.Option(help="what was seen is kept here")] = SEEN,
    into_ledger: Annotated[bool, typer.Option("--ledger/--no-ledger")] = True,
) -> None:
    """Exit code 0: valid; 1: an invariant is broken; 2: unknown, too little happened."""
    chosen = PLANS[plan]
    seed = random.SystemRandom().randrange(1 << 20) if seed is None else seed
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    print(f"seed {seed}, {chosen.seconds:.0f} s", flush=True)
    try:
        report = uvloop.run(_until_told(chosen, seed, folder, Mix(rate=rate)))
    except Exception as error:
        if into_ledger:
            ledger.add(ledger.failed(seed, chosen, error))
        raise
    told = ledger.line(report, chosen)
    if into_ledger:
        ledger.add(told)
    print(json.dumps(told, indent=1, ensure_ascii=False))
    _tell(report, folder)
    sys.exit({"valid": 0, "invalid": 1, "unknown": 2}[report.verdict.name])


async def _until_told(plan: Plan, seed: int, folder: Path, mix: Mix) -> Report:
    """SIGTERM ends it as Ctrl-C does, with all of its processes."""
    task = asyncio.create_task(run(plan, seed, folder, mix))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def _tell(report: Report, folder: Path) -> None:
    for invariant, what in report.verdict.violations[: ledger.MOST_TOLD]:
        print(f"{invariant}: {what}")
    print(f"{report.verdict.name}; what was seen is in {folder}")


if __name__ == "__main__":
    typer.run(main)
