"""`python -m tests.fuzz`: generated requests on every route, as every kind of caller; a line in
the ledger."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from tests.faults.campaign.ledger import commit
from tests.fuzz.run import HERE, ROLES, City, city, fuzz
from tests.support.servers import ROOT, ground

LEDGER = HERE / "results" / "ledger.jsonl"
SEEN, SERVERS = ROOT / ".data" / "fuzz-seen", ROOT / ".data" / "fuzz"
ALLOWED = ("503", "507")


def main(
    seed: Annotated[int | None, typer.Option(help="drawn and told, where none is given")] = None,
    examples: Annotated[int, typer.Option(help="of each operation, for each caller")] = 200,
    callers: Annotated[str, typer.Option(help="in this order")] = ",".join(ROLES),
    into_ledger: Annotated[bool, typer.Option("--ledger/--no-ledger")] = True,
) -> None:
    """Exit code 1: something was found."""
    seed = random.SystemRandom().randrange(1 << 20) if seed is None else seed
    print(f"seed {seed}; what is seen is kept in {SEEN}", flush=True)
    SEEN.mkdir(parents=True, exist_ok=True)
    plan = [Plan(caller, seed + n, examples) for n, caller in enumerate(callers.split(","))]
    is_clean = asyncio.run(_all(plan, LEDGER if into_ledger else None))
    sys.exit(0 if is_clean else 1)


@dataclass(frozen=True)
class Plan:
    caller: str
    seed: int
    examples: int


async def _all(plans: Sequence[Plan], ledger: Path | None) -> bool:
    is_clean = True
    with ground(SERVERS) as servers:
        async with city(servers, SEEN) as there:
            for plan in plans:
                told = await _one(there, plan)
                is_clean &= not told["findings"] and not told["failed"] and told["lives"]
                print(json.dumps(told, ensure_ascii=False), flush=True)
                if ledger:
                    ledger.parent.mkdir(exist_ok=True)
                    with ledger.open("a") as out:
                        out.write(json.dumps(told, ensure_ascii=False) + "\n")
    return is_clean


async def _one(there: City, plan: Plan) -> dict[str, Any]:
    """A line of the ledger."""
    before = there.memory_mib("VmRSS")
    found = await fuzz(there, plan.caller, plan.seed, plan.examples)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        **asdict(plan),
        "requests": found.statuses.total(),
        "statuses": dict(sorted(found.statuses.items())),
        "failed": sum(count for status, count in found.statuses.items() if is_failure(status)),
        "findings": found.findings,
        "lives": there.lives,
        "memory_mib": [before, there.memory_mib("VmRSS")],
        "memory_mib_at_most": there.memory_mib("VmHWM"),
    }


def is_failure(status: str) -> bool:
    return not status.isdecimal() or (status >= "500" and status not in ALLOWED)


if __name__ == "__main__":
    typer.run(main)
