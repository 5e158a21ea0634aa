"""Files by which an audit is verified without a server: a dump of the rows of one service with
their numbers and hashes, and the anchors of all. A line of JSON each."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from libs.common import chain, fetching, files
from libs.common.chain import Anchor, Sealed
from libs.common.contracts.audit import TOPIC, AuditAnchored
from libs.common.database import Connection
from libs.common.sealing import ROW, plain

FORMAT = "civicgrid audit 2"
CHUNK = 20
"""Blocks of seals, or thousands of rows without one, that are read at once."""

LENGTH = "SELECT coalesce(max(first + cardinality(positions) - 1), 0) FROM audit_seal"
BLOCKS = """
SELECT first, transaction_id::text, position, positions, hashes FROM audit_seal
WHERE first > $1 ORDER BY first LIMIT $2
"""
ROWS = f"""
SELECT {ROW} FROM audit
WHERE (transaction_id, position) > ($1::text::xid8, $2)
  AND (transaction_id, position) <= ($3::text::xid8, $4)
"""
REST = f"""
SELECT {ROW}, transaction_id::text FROM audit
WHERE (transaction_id, position) > ($1::text::xid8, $2)
ORDER BY audit.transaction_id, audit.position LIMIT $3
"""
BEFORE_ALL = ("0", -(2**63))
"""Rows begin at 1; whoever forges one may number it otherwise."""

Told = Callable[[int], None]
"""Up to which row it has come."""


class FileError(Exception):
    """This is no such file; the text says where it fails."""


@dataclass(frozen=True)
class Header:
    """`length`: the last number; `at`: when it was dumped, by the clock of the database."""

    service: str
    length: int
    at: datetime


@contextmanager
def keeping(file: Path, check: Callable[[Path, Path], None]) -> Iterator[TextIO]:
    """For what comes in place of `file`, once it is all there and `check(file, fresh)` raises
    nothing: else that stays as it was. Raises FileError."""
    if not file.parent.is_dir():
        raise FileError(f"there is no folder {file.parent}: nothing was written")
    with files.replacing(file, 0o600) as out:
        yield out
        out.flush()
        if file.exists() and file.stat().st_size:
            check(file, Path(out.name))


def check_dump(kept: Path, fresh: Path) -> None:
    """Raises FileError where `fresh` does not have every row of `kept`, as it was."""
    with kept.open(encoding="utf-8") as old, fresh.open(encoding="utf-8") as new:
        (was, before), (now, after) = read_dump(old), read_dump(new)
        if was.service != now.service:
            raise _stays(kept, f"it is of {was.service}, not of {now.service}")
        unsealed = set[bytes]()
        for line in before:
            if line.number is None:
                unsealed.add(chain.canonical(line.row or {}))
            elif line != next(after, None):
                raise _stays(kept, f"row {line.number} is another now, or gone")
        if unsealed and not unsealed <= {chain.canonical(line.row or {}) for line in after}:
            raise _stays(kept, "of its rows without a number one is another now, or gone")


def check_anchors(kept: Path, fresh: Path) -> None:
    """Raises FileError where `fresh` does not have every anchor of `kept`."""
    if lost := _anchors_in(kept) - _anchors_in(fresh):
        service, number, _ = min(lost)
        told = f"{len(lost):,} of its anchors are not on the topic, or others"
        raise _stays(kept, f"{told}; the first: row {number} of {service}")


def _stays(kept: Path, why: str) -> FileError:
    return FileError(f"{kept} stays as it was: {why}. Keep it, and write to a new file")


def _anchors_in(file: Path) -> set[tuple[str, int, str]]:
    with file.open(encoding="utf-8") as lines:
        try:
            return {(one["service"], one["number"], one["hash"]) for one in _values(lines)}
        except (KeyError, TypeError) as error:
            raise FileError(f"{file} holds something else than anchors: it stays") from error


async def length(connection: Connection) -> int:
    return int(await connection.fetchval(LENGTH))


async def write_dump(connection: Connection, service: str, out: TextIO, told: Told) -> None:
    """As the connection sees it: in one snapshot, if it is in a transaction that has one."""
    header = {"format": FORMAT, "service": service, "length": await length(connection)}
    at = await connection.fetchval("SELECT clock_timestamp()")
    out.write(json.dumps(header | {"at": at.isoformat()}) + "\n")
    async for line in _lines(connection):
        values = {"number": line.number, "hash": line.hash.hex(), "row": line.row}
        out.write(json.dumps(values | {"passed": line.passed}, ensure_ascii=False) + "\n")
        told(line.number or 0)


async def _lines(connection: Connection) -> AsyncIterator[Sealed]:
    """By number; then what has none, such as what was not sealed yet."""
    reached, mark = 0, BEFORE_ALL
    found, twice = dict[int, dict[str, Any]](), list[dict[str, Any]]()
    while blocks := await connection.fetch(BLOCKS, reached, CHUNK):
        for block in blocks:
            upto = (block["transaction_id"], block["position"])
            rows = await connection.fetch(ROWS, *mark, *upto)
            for row in rows:
                if found.setdefault(row["position"], told := plain(row)) is not told:
                    twice.append(told)
            pairs = zip(block["positions"], block["hashes"], strict=True)
            for number, (position, hash) in enumerate(pairs, block["first"]):
                yield Sealed(number, hash, found.pop(position, None))
            reached, mark = block["first"], upto
    for told in (*found.values(), *twice):
        yield Sealed(None, b"", told, passed=True)
    while rows := await connection.fetch(REST, *mark, CHUNK * 1000):
        for row in rows:
            yield Sealed(None, b"", plain(row))
        mark = (rows[-1]["transaction_id"], rows[-1]["position"])


def read_dump(file: TextIO) -> tuple[Header, Iterator[Sealed]]:
    """Raises FileError, also while the lines are read."""
    lines = _values(file)
    header = next(lines, {})
    if header.get("format") != FORMAT:
        raise FileError(f"{file.name} is no dump: `civicgrid audit dump` makes them")
    try:
        at = datetime.fromisoformat(header["at"])
        return Header(header["service"], header["length"], at), _all_sealed(file, lines)
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(f"the first line of {file.name} is that of no dump") from error


def _all_sealed(file: TextIO, lines: Iterable[Mapping[str, Any]]) -> Iterator[Sealed]:
    """Of the lines behind the first."""
    for place, line in enumerate(lines, 2):
        match line:
            case {
                "number": int() | None as number,
                "hash": str() as hash,
                "row": dict() | None as row,
                "passed": bool() as passed,
            } if _is_hex(hash) and (number if row is None else _has_time(row)):
                yield Sealed(number, bytes.fromhex(hash), row, passed)
            case _:
                raise FileError(f"line {place} of {file.name} is damaged: it is no row of a dump")


def _is_hex(text: str) -> bool:
    return re.fullmatch("(?:[0-9a-f]{2})*", text) is not None


def _has_time(row: Mapping[str, Any]) -> bool:
    try:
        return datetime.fromisoformat(row["at"]).tzinfo is not None
    except (KeyError, TypeError, ValueError):
        return False


def _values(file: TextIO) -> Iterator[dict[str, Any]]:
    number = 1
    try:
        for line in file:
            yield dict(json.loads(line))
            number += 1
    except (TypeError, ValueError) as error:
        raise FileError(f"{file.name} is no such file: see line {number}") from error


async def write_anchors(bootstrap: str, out: TextIO) -> int:
    """All that stand on the topic, once each; how many."""
    known: set[str] = set()
    async for text in _anchored(bootstrap):
        if text not in known:
            out.write(text + "\n")
        known.add(text)
    return len(known)


async def _anchored(bootstrap: str) -> AsyncIterator[str]:
    """What is on the topic, but what is no anchor or not of the service that it speaks of."""
    async with aclosing(fetching.everything(bootstrap, [TOPIC])) as records:
        async for _, record in records:
            if event := _event(dict(record.headers), record.value):
                yield event.model_dump_json()


def _event(headers: Mapping[str, bytes], value: bytes | None) -> AuditAnchored | None:
    if headers.get("ce_type") != AuditAnchored.type.encode():
        return None
    try:
        event = AuditAnchored.model_validate_json(value or b"")
    except ValueError:
        return None
    return event if headers.get("ce_source") == f"/civicgrid/{event.service}".encode() else None


def read_anchors(file: Path, service: str) -> list[Anchor]:
    """Those of one service. Raises FileError."""
    with file.open(encoding="utf-8") as lines:
        return [
            _anchor(f"line {place} of {file}", line)
            for place, line in enumerate(_values(lines), 1)
            if line.get("service") == service
        ]


def _anchor(place: str, line: Mapping[str, Any]) -> Anchor:
    try:
        at = datetime.fromisoformat(line["sealed_at"])
        return Anchor(line["number"], bytes.fromhex(line["hash"]), at)
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(f"{place} is damaged: it is no anchor") from error
