"""Named places at which a process kills itself, for the tests of what happens then.

On only where CIVICGRID_FAILPOINT names one: `sent_not_marked`, or `sent_not_marked:20` for the
20th time that it is reached. Off, a place costs one comparison.
"""

from __future__ import annotations

import os
import signal
from typing import Literal, get_args

Name = Literal[
    "before_commit",
    "after_commit",
    "before_answer",
    "read_not_recorded",
    "before_send",
    "sent_not_marked",
    "marked",
    "stored_not_told",
    "revoked",
    "stopping",
    "migrating",
]
NAMES: tuple[Name, ...] = get_args(Name)

_armed, _, _times = os.environ.get("CIVICGRID_FAILPOINT", "").partition(":")
_left = int(_times) if _times.isdigit() else 1


def reach(name: Name) -> None:
    if name == _armed:
        _end()


def is_known(setting: str) -> bool:
    """Whether this is the name of a failpoint, with or without how often it is passed before."""
    name, colon, times = setting.partition(":")
    return name in NAMES and (not colon or (times.isdigit() and int(times) > 0))


def _end() -> None:
    global _left
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
