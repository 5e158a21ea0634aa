"""The chain over rows of audit, and whether a dump of it is what it was; needs no server. Each hash
is SHA-256 (FIPS 180-4) of the one before and the canonical JSON of its row.

What a dump alone tells is that it fits together: whoever may write to a database can make it so.
What binds them are the anchors, hashes that others have seen.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

Row = Mapping[str, Any]

Kind = Literal["deleted", "changed", "inserted", "out of order", "cut off", "rewritten"]

AROUND = timedelta(minutes=1)
"""A row is sealed within this time of its making."""
_PLAINLY = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
LONG_AGO = datetime.min.replace(tzinfo=UTC) + AROUND
UNWITNESSED = timedelta(minutes=2)
"""Anchors come each minute: a row that is older when it is dumped has one behind it."""
MOVED = 100
"""Among so many strange rows it is looked for those that changed places."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A number of the chain, in a dump; `row` is None where it is gone. Without a number it is a
    row that has no seal; `passed`: although rows behind it have one."""

    number: int | None
    hash: bytes
    row: Row | None
    passed: bool = False


@dataclass(frozen=True, slots=True)
class Anchor:
    """`hash` was that of row `number` at `sealed_at`."""

    number: int
    hash: bytes
    sealed_at: datetime


@dataclass(frozen=True, slots=True)
class Fault:
    """`number`: of the first row that is bad, or may be; None for a row without one."""

    kind: Kind
    number: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`anchored`: up to which row others bear witness; `rows`: how many there are. There is nothing
    to verify where there are none, and no anchor names one."""

    name: Literal["valid", "invalid", "cannot be verified", "nothing to verify"]
    faults: Sequence[Fault]
    rows: int
    anchored: int


def genesis(service: str) -> bytes:
    """What stands before the first row."""
    return hashlib.sha256(f"civicgrid audit of {service}".encode()).digest()


def canonical(row: Row) -> bytes:
    """Of a row as plain JSON values: names sorted, no spaces, UTF-8."""
    return _PLAINLY.encode(row).encode()


def after(hash: bytes, row: Row) -> bytes:
    """The hash of a row that follows one with `hash`."""
    return hashlib.sha256(hash + canonical(row)).digest()


def verify(
    service: str, dumped_at: datetime, lines: Iterable[Sealed], anchors: Sequence[Anchor]
) -> Verdict:
    """`lines`: of a dump, in its order. The first fault names the first row that is bad."""
    check = _Check(genesis(service), dumped_at, anchors)
    for line in lines:
        check.take(line)
    faults = sorted(check.end(), key=lambda fault: (fault.number is None, fault.number or 0))
    if faults:
        return Verdict("invalid", faults, check.rows, check.anchored)
    if not check.rows:
        return Verdict("nothing to verify", (), 0, 0)
    return Verdict(
        "valid" if check.is_witnessed else "cannot be verified", (), check.rows, check.anchored
    )


class _Check:
    """`anchored`: the last row whose hash was met. What was changed is known by its own hash; once
    all hashes after it are made anew, only that the next anchor is not met."""

    def __init__(self, hash: bytes, dumped_at: datetime, anchors: Sequence[Anchor]) -> None:
        self._hash: bytes | None = hash
        self._dumped_at = self._unwitnessed_since = dumped_at
        self._next, self._doubted = 1, 0
        self.rows, self.anchored = 0, 0
        self._anchors: defaultdict[int, list[Anchor]] = defaultdict(list)
        for anchor in anchors:
            self._anchors[anchor.number].append(anchor)
        self._witnessed_at = self._newest = LONG_AGO
        self._faults: list[Fault] = []
        self._strange: list[tuple[int, bytes, bytes, Row]] = []
        self._unsealed: list[Sealed] = []

    @property
    def is_witnessed(self) -> bool:
        """All but the newest, for which there may be no anchor yet."""
        return self.anchored > 0 and self._dumped_at - self._unwitnessed_since <= UNWITNESSED

    def take(self, line: Sealed) -> None:
        if line.row is not None:
            self.rows += 1
        if line.number is None:
            self._unsealed.append(line)
            return
        if line.number != self._next:
            self._jump(line.number)
        self._look_at(line, line.number)
        self._hash, self._next = line.hash, line.number + 1
        self._bear_witness(line.number, line.hash)

    def _jump(self, number: int) -> None:
        kind: Kind = "deleted" if number > self._next else "out of order"
        self._fault(kind, self._next, f"row {number} follows where {self._next} should")
        self._hash = None

    def _look_at(self, line: Sealed, number: int) -> None:
        if line.row is None:
            self._fault("deleted", number, f"row {number} is gone")
            return
        if self._hash is not None and after(self._hash, line.row) != line.hash:
            self._strange.append((number, line.hash, self._hash, line.row))
        at = datetime.fromisoformat(line.row["at"])
        if at < self._witnessed_at - AROUND:
            self._fault("inserted", number, f"row {number} is older than what was there before it")
        self._newest = max(self._newest, at)
        self._unwitnessed_since = min(self._unwitnessed_since, at)

    def _bear_witness(self, number: int, hash: bytes) -> None:
        anchors = self._anchors.pop(number, [])
        wrong = [anchor for anchor in anchors if anchor.hash != hash]
        if len(wrong) < len(anchors):
            self.anchored, self._witnessed_at = number, anchors[0].sealed_at
            self._unwitnessed_since = self._dumped_at
            if wrong:
                self._fault("rewritten", number, f"row {number} was anchored in two ways")
        elif wrong and self._doubted <= self.anchored:
            self._doubted, at = self.anchored + 1, f"{wrong[0].sealed_at:%Y-%m-%d %H:%M:%S}"
            text = f"of rows {self._doubted} to {number} one is not what it was at {at}"
            self._fault("rewritten", self._doubted, text)

    def end(self) -> Sequence[Fault]:
        for number, hash, before, _ in self._strange:
            moved = any(after(before, row) == hash for *_, row in self._strange[:MOVED])
            kind: Kind = "out of order" if moved else "changed"
            self._fault(kind, number, f"row {number} is not the one that was sealed")
        for line in self._unsealed:
            self._look_at_unsealed(line)
        if self._anchors:
            last = max(self._anchors)
            text = f"rows {self._next} to {last} are gone, which were anchored"
            self._fault("cut off", self._next, text)
        return self._faults

    def _look_at_unsealed(self, line: Sealed) -> None:
        assert line.row is not None
        at = datetime.fromisoformat(line.row["at"])
        if line.passed or not self._newest - AROUND <= at <= self._dumped_at + AROUND:
            self._fault("inserted", None, f"a row of {line.row['at']} was never sealed")
        self._unwitnessed_since = min(self._unwitnessed_since, at)

    def _fault(self, kind: Kind, number: int | None, text: str) -> None:
        self._faults.append(Fault(kind, number, text))
