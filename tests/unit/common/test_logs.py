"""What is left alone in a process is told by its kind, and by nothing that was in hand."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from libs.common import logs

PLANTED = "a planted value"


class Lock:
    def __repr__(self) -> str:
        return f"<Lock {PLANTED}>"


async def told(context: dict[str, Any]) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    logs.quiet(loop)
    with capture_logs() as lines:
        loop.call_exception_handler(context)
    (line,) = lines
    return dict(line)


@pytest.mark.parametrize(
    ("message", "what"),
    [
        ("Task exception was never retrieved", "Task exception was never retrieved"),
        (f"Exception in callback told({PLANTED!r})", "Exception"),
        (f"Exception in callback {Lock()!r}", "Exception"),
        (f"Resetting connection with a lock {Lock()!r}", "Resetting connection with a lock"),
    ],
)
async def test_what_was_left_alone_is_told_without_what_it_quotes(message: str, what: str) -> None:
    line = await told({"message": message, "lock": Lock(), "exception": ValueError(PLANTED)})
    assert (line["what"], line["error"]) == (what, "ValueError")
    assert PLANTED not in str(line)


@pytest.mark.parametrize(
    ("message", "level"),
    [
        ("Unclosed AIOKafkaConnection", "warning"),
        ("Task was destroyed but it is pending!", "error"),
    ],
)
async def test_what_failed_by_no_error_names_none(message: str, level: str) -> None:
    line = await told({"message": message, "task": Lock()})
    assert (line["what"], line["log_level"]) == (message, level) and "error" not in line
