"""What a measurement ran on, and what processes cost there (Linux: from /proc)."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from statistics import median

from libs.embedded.kafka import VERSION as KAFKA

ROOT = Path(__file__).parents[1]
PACKAGES = ("aiokafka", "asyncpg", "pydantic", "fastapi", "faststream", "uvloop")
PROC = Path("/proc")
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def hardware() -> Mapping[str, str | int]:
    return {
        "processor": _line("cpuinfo", "model name"),
        "cores": os.cpu_count() or 0,
        "memory_mib": int(_line("meminfo", "MemTotal").split()[0]) // 1024,
        "system": f"{platform.system()} {platform.release()}",
    }


def versions(postgres: str) -> Mapping[str, str]:
    packages = {name: metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), "kafka": KAFKA, "postgres": postgres, **packages}


def yardstick_ms() -> float:
    """What one core takes today for a fixed piece of Python, at the median of nine times: on a
    machine that others share too, it is twice as much on one day as on another."""
    took = []
    for _ in range(9):
        begun = time.perf_counter()
        sum(n * n for n in range(1_000_000))
        took.append((time.perf_counter() - begun) * 1000)
    return round(median(took), 1)


def load() -> float:
    """Processes that ran or waited to run, over the last minute."""
    return round(os.getloadavg()[0], 2)


def commit() -> str:
    """With `-dirty` where files differ from it, what benchmarks write aside."""
    written = (":!bench/results", ":!bench/README.md", ":!tests/*/results")
    changed = _git("status", "--porcelain", "--", ".", *written)
    return _git("rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")


def _git(*asked: str) -> str:
    done = subprocess.run(["git", *asked], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip()


def _line(file: str, name: str) -> str:
    for line in (PROC / file).read_text().splitlines():
        head, _, rest = line.partition(":")
        if head.strip() == name:
            return rest.strip()
    return "0"


@dataclass(frozen=True)
class Moment:
    """Seconds of CPU since the machine was started: of all, of nobody, and of this process with
    all that it began."""

    all: float
    idle: float
    ours: float

    def shares_since(self, before: Moment) -> Mapping[str, float]:
        """In percent of all cores: what is measured has only what others leave."""
        idle, busy = self.idle - before.idle, self.all - before.all
        others = busy - (self.ours - before.ours)
        total = max(idle + busy, 1 / TICK)
        return {
            "percent_idle": 100 * idle / total,
            "percent_of_others": 100 * max(0, others) / total,
        }


def now() -> Moment:
    first = (PROC / "stat").read_text().split("\n", 1)[0]
    ticks = [int(one) for one in first.split()[1:9]]
    idle = ticks[3] + ticks[4]
    ours = sum(_ticks(pid, 4) for pid in _descendants(os.getpid()))
    return Moment((sum(ticks) - idle) / TICK, idle / TICK, ours / TICK)


def _descendants(pid: int) -> Iterator[int]:
    yield pid
    for child in _children(pid):
        yield from _descendants(child)


def cpu_seconds(pid: int) -> float:
    """Of a process with all its threads, user and system; 0 for one that is gone."""
    return _ticks(pid, 2) / TICK


def tree_cpu_seconds(pid: int) -> float:
    """Of a process and its children, those included that have ended (PostgreSQL's backends)."""
    return (_ticks(pid, 4) + sum(_ticks(child, 4) for child in _children(pid))) / TICK


def resident_mib(pid: int) -> float:
    with suppress(OSError):
        return int((PROC / str(pid) / "statm").read_text().split()[1]) * PAGE / 2**20
    return 0


def _ticks(pid: int, fields: int) -> int:
    """The first of utime, stime, cutime, cstime."""
    with suppress(OSError):
        after = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return sum(int(ticks) for ticks in after[11 : 11 + fields])
    return 0


def _children(pid: int) -> list[int]:
    """Of all its threads."""
    with suppress(OSError):
        files = list((PROC / str(pid) / "task").glob("*/children"))
        return [int(child) for file in files for child in file.read_text().split()]
    return []
