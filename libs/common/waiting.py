"""A message that needs a fact which has not arrived: a timer brings it again, for a day. Later ones
of the same subject wait behind it.

Topics are not ordered among each other, so this is ordinary; nothing is answered with "nobody".
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from libs.common.ids import named
from libs.common.messages import SetTimer
from libs.common.work import Letter, Waited, Work

TIMER, RETRY = "wait", "retry"
"""Timers of messages that wait for a fact, and of dead letters that are tried once more."""
FIRST, LONGEST, GIVE_UP = timedelta(seconds=1), timedelta(minutes=10), timedelta(days=1)
REFUSE = timedelta(seconds=30)
"""For so long waits what is refused then: what may be wrong, and not only early."""


def timer(work: Work, now: datetime, give_up: timedelta) -> SetTimer | None:
    """When to try again; None once it has waited for so long. The record is added where it is
    stored: one from outside is sealed."""
    assert work.letter and work.message
    waited = work.waited or Waited(0, now)
    if now - waited.since > give_up:
        return None
    pause = min(LONGEST, FIRST * 2 ** min(waited.attempts, 20))
    return _timer(work, now + pause, Waited(waited.attempts + 1, waited.since))


def behind(work: Work, earlier: datetime, now: datetime) -> SetTimer:
    """To be tried with the message that it waits for, however long that takes: its own time has not
    begun."""
    return _timer(work, max(earlier, now + FIRST), Waited(0, now))


def _timer(work: Work, due_at: datetime, waited: Waited) -> SetTimer:
    assert work.message
    id = named(f"{work.message.source}/{work.message.id}")
    data = {"attempts": waited.attempts, "since": waited.since.isoformat()}
    return SetTimer(TIMER, id, due_at, data)


def kept(letter: Letter) -> dict[str, Any]:
    """A record as JSON, from which `letter` makes it again."""
    return {
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "timestamp": letter.timestamp,
        "key": _text(letter.key),
        "headers": [(name, _text(value)) for name, value in letter.headers],
        "value": _text(letter.value),
    }


def waited(data: Mapping[str, Any]) -> Waited | None:
    if "since" not in data:
        return None
    return Waited(data["attempts"], datetime.fromisoformat(data["since"]))


def letter(data: Mapping[str, Any]) -> Letter:
    return Letter(
        topic=data["topic"],
        partition=data["partition"],
        offset=data["offset"],
        timestamp=data["timestamp"],
        key=_raw(data["key"]),
        headers=[(name, _raw(value) or b"") for name, value in data["headers"]],
        value=_raw(data["value"]),
    )


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else base64.b64encode(raw).decode()


def _raw(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
