"""Logs: what happened and where, a line of JSON each, in ASCII; never what was in hand.

What an exception says may quote a value, so only its type and its place are told.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any

import structlog

ROOT = Path(__file__).parents[2]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def blame(error: BaseException) -> str:
    """Its type, and the line of ours where it came up."""
    places = [place for place in _places(error) if not place.startswith("/")]
    return f"{type(error).__name__} at {places[-1]}" if places else type(error).__name__


def frames(error: BaseException) -> str:
    """Its type and those of its causes, each with all of its lines."""
    told = [type(error).__name__, *(f"  {place}" for place in _places(error))]
    before = error.__cause__ or error.__context__
    return "\n".join([*told, frames(before)] if before else told)


def _places(error: BaseException) -> Iterator[str]:
    for frame in traceback.extract_tb(error.__traceback__):
        file = Path(frame.filename)
        inside = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
        yield f"{inside}:{frame.lineno} {frame.name}"


def _framed(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    error = line.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        line["exception"] = frames(error)
    return line


class _Formatter(logging.Formatter):
    """For lines of libraries, so that nothing they quote begins a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"event": record.getMessage(), "logger": record.name}
        if record.exc_info and record.exc_info[1]:
            line["exception"] = frames(record.exc_info[1])
        return json.dumps({**line, "level": record.levelname.lower()})


def configure(*, renderer: Any = None, level: int = logging.INFO) -> None:
    """For this process: by structlog, and what libraries have to say, from warnings up."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _framed,
            renderer or structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("aiokafka").setLevel(max(level, logging.WARNING))  # below, whole records


UNCLOSED = "Unclosed "
"""How aiokafka tells of a connection that nobody closed, once it has closed it itself: such is left
where the making of a client is cut off, as when the lag is measured and the broker is slow."""


def quiet(loop: asyncio.AbstractEventLoop) -> None:
    """What nobody waited for any more fails with what it was and its type alone. What did no harm
    is a warning."""

    def told(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        what, error = _fixed(context["message"]), context.get("exception")
        log = structlog.get_logger()
        tell = log.warning if what.startswith(UNCLOSED) else log.error
        tell("left alone", what=what, **({"error": blame(error)} if error else {}))

    loop.set_exception_handler(told)


def _fixed(message: str) -> str:
    """What asyncio says of it, up to the callback or the object that it quotes."""
    return re.split(" in callback | ?<", message, maxsplit=1)[0]
