"""`python -m bench [NAME ...] [--quick] [--long]`"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from typing import Annotated

import typer
import uvloop

from bench import goals, machine, report, results, stand
from bench.catalogue import BENCHMARKS, LONG, SHORT, SOON
from bench.frame import Sizing
from bench.results import Result
from cli.screen import console, show_table, tell


def main(
    names: Annotated[list[str] | None, typer.Argument(help=", ".join(BENCHMARKS))] = None,
    quick: Annotated[bool, typer.Option("--quick", help="a minute or two each")] = False,
    long: Annotated[bool, typer.Option("--long", help="those that take an hour, too")] = False,
) -> None:
    """Measure, show the results beside their goals, and keep them, unless it was quick."""
    chosen = names or [*(SOON if quick else SHORT), *(LONG if long else ())]
    unknown = set(chosen) - BENCHMARKS.keys()
    if unknown:
        raise typer.BadParameter(f"known are {', '.join(BENCHMARKS)}")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells of what it then mends
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # no process stays behind
    with stand.opened() as there:
        for name in chosen:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                result = runner.run(_measured(there, name, "quick" if quick else "full"))
            _show(result)
    if not quick:
        report.write()


async def _measured(there: stand.Stand, name: str, sizing: Sizing) -> Result:
    tell(f"{name}, {sizing}")
    before = (await there.postgres_version(), machine.load(), machine.yardstick_ms())
    return results.made(name, sizing, await BENCHMARKS[name](there, sizing), *before)


def _show(result: Result) -> None:
    results.show(result)
    show_table([report.line(one) for one in goals.verdicts(result)])
    if result["sizing"] == "full":
        file = results.keep(result)
        console.print(f"added to {file.relative_to(machine.ROOT)}")


if __name__ == "__main__":
    typer.run(main)
