"""All benchmarks by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from bench import (
    captures,
    communities,
    flow,
    growth,
    hop,
    latency,
    memory,
    replay,
    restart,
    revocation,
    spike,
)
from bench.frame import Compared, Sizing
from bench.stand import Stand

Benchmark = Callable[[Stand, Sizing], Awaitable[Compared]]

SHORT: Mapping[str, Benchmark] = {
    "hop": hop.run,
    "flow": flow.run,
    "latency": latency.run,
    "http": captures.run,
    "restart": restart.run,
    "replay": replay.run,
}
LONG: Mapping[str, Benchmark] = {
    "communities": communities.run,
    "growth": growth.run,
    "revocation": revocation.run,
    "spike": spike.run,
    "memory": memory.run,
}
"""Those that take more than some minutes."""

SOON = ("flow", "latency")
"""What `--quick` alone shows: leads and events a second, and how soon the alert is there."""

BENCHMARKS = {**SHORT, **LONG}
