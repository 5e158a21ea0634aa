"""What clients asked and what they were told, as lines of JSON: the asking is written first."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple
from uuid import UUID

Outcome = Literal["ok", "fail", "unknown"]


def digest(body: object) -> str:
    """SHA-256 of canonical JSON: keys sorted, no spaces, no escapes."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


class Asked(NamedTuple):
    """What is in a request: how many items, the names in its query, and those in its body or in
    each of its items."""

    items: int = 1
    filters: Sequence[str] = ()
    fields: Sequence[str] = ()


class History:
    """`key` names an operation; the same key is asked again until its outcome is known.

    Each line is with the kernel before the call returns: no answer is trusted that is not written.
    """

    def __init__(self, file: Path) -> None:
        self._file: IO[bytes] = file.open("ab", buffering=0)
        self.counts: Counter[str] = Counter()

    def invoke(self, kind: str, key: str, body: object, **more: Any) -> None:
        """`body`: what must be found stored; `more`: what it is about."""
        self._write({"what": "invoke", "kind": kind, "key": key, "digest": digest(body), **more})

    def end(self, kind: str, key: str, outcome: Outcome, status: int, **more: Any) -> None:
        """`status`: of HTTP; 0 where there was no answer."""
        self.counts[f"{kind} {outcome}"] += 1
        self._write({"what": outcome, "kind": kind, "key": key, "status": status, **more})

    def again(self, kind: str, key: str, how: str, status: int, same: bool) -> None:
        """A request repeated; `same`: it was answered as it must be."""
        told = {"what": "again", "kind": kind, "key": key, "how": how}
        self._write({**told, "status": status, "same": same})

    def ask(self, service: str, method: str, path: str, actor: UUID, asked: Asked) -> None:
        """One request that is sent, whatever becomes of it."""
        about = {"service": service, "method": method, "actor": str(actor), **asked._asdict()}
        self._write({"what": "ask", "kind": "ask", "key": path, **about})

    def read(
        self, service: str, path: str, actor: UUID, asked: Asked, shown: Sequence[Mapping[str, Any]]
    ) -> None:
        """What was asked for was shown: the fields of these, and of whom or what they tell."""
        about = {"service": service, "method": "GET", "actor": str(actor), **asked._asdict()}
        ids = [one.get("id") or one.get("person_ref") for one in shown]
        fields = sorted(shown[0]) if shown else []
        told = {"what": "read", "kind": "read", "key": path, **about}
        self._write({**told, "fields": fields, "ids": ids})

    def total(self, outcome: Outcome, *kinds: str) -> int:
        return sum(self.counts[f"{kind} {outcome}"] for kind in kinds)

    def _write(self, line: Mapping[str, Any]) -> None:
        at = {"at": time.monotonic_ns()}
        self._file.write(json.dumps({**line, **at}, ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        self._file.close()


class Journal:
    """What was done to the city, in the same form: one line a fault. `time`: since 1970, as the
    databases tell it."""

    def __init__(self, file: Path) -> None:
        self._file: IO[bytes] = file.open("ab", buffering=0)
        self.counts: Counter[str] = Counter()

    def note(self, fault: str, **more: Any) -> None:
        self.counts[fault] += 1
        line = {"fault": fault, "at": time.monotonic_ns(), "time": time.time(), **more}
        self._file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        self._file.close()
