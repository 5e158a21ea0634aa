"""All benchmarks by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from bench import captures, flow, hop, latency
from bench.frame import Compared, Sizing
from bench.stand import Stand

Benchmark = Callable[[Stand, Sizing], Awaitable[Compared]]

SHORT: Mapping[str, Benchmark] = {
    "hop": hop.run,
    "flow": flow.run,
    "latency": latency.run,
    "http": captures.run,
}
LONG: Mapping[str, Benchmark] = {}
"""Those that take more than some minutes."""

BENCHMARKS = {**SHORT, **LONG}
