"""`python -m tests.fuzz`: generated requests on every route, as every kind of caller; a line in
the ledger."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from tests.faults.campaign.ledger import commit
from tests.fuzz.run import HERE, ROLES, city, fuzz
from tests.support.servers import ROOT, ground

LEDGER = HERE / "results" / "ledger.jsonl"
SEEN, SERVERS = ROOT / ".data" / "fuzz-seen", ROOT / ".data" / "fuzz"
ALLOWED = ("503", "507")


def main(
    seed: Annotated[int | None, typer.Option(help="drawn and told, where none is given")] = None,
    examples: Annotated[int, typer.Option(help="of each operation, for each caller")] = 200,
    into_ledger: Annotated[bool, typer.Option("--ledger/--no-ledger")] = True,
) -> None:
    """Exit code 1: something was found."""
    seed = random.SystemRandom().randrange(1 << 20) if seed is None else seed
    print(f"seed {seed}; what is seen is kept in {SEEN}", flush=True)
    SEEN.mkdir(parents=True, exist_ok=True)
    told = asyncio.run(_all(seed, examples, SEEN))
    if into_ledger:
        with LEDGER.open("a") as out:
            out.write(json.dumps(told, ensure_ascii=False) + "\n")
    print(json.dumps(told, indent=1, ensure_ascii=False))
    sys.exit(1 if told["findings"] or told["failed"] else 0)


async def _all(seed: int, examples: int, folder: Path) -> dict[str, Any]:
    statuses, findings, memory = Counter[str](), dict[str, Any](), list[int]()
    with ground(SERVERS) as servers:
        async with city(servers, folder) as there:
            memory.append(there.memory_mib("VmRSS"))
            for n, role in enumerate(ROLES):
                found = await fuzz(there, role, seed + n, examples)
                statuses += found.statuses
                findings |= {f"{role}: {check}": where for check, where in found.findings.items()}
                memory.append(there.memory_mib("VmRSS"))
                print(role, dict(found.statuses), memory[-1], "MiB", flush=True)
            lives, most = there.lives, there.memory_mib("VmHWM")
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "seed": seed,
        "examples": examples,
        "callers": list(ROLES),
        "requests": statuses.total(),
        "statuses": dict(sorted(statuses.items())),
        "failed": sum(count for status, count in statuses.items() if is_failure(status)),
        "findings": findings,
        "lives": lives,
        "memory_mib": memory,
        "memory_mib_at_most": most,
    }


def is_failure(status: str) -> bool:
    return not status.isdecimal() or (status >= "500" and status not in ALLOWED)


if __name__ == "__main__":
    typer.run(main)
