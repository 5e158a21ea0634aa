"""Logs as a service writes them, on stderr."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from libs.common import logs


@contextmanager
def logged(level: int = logging.INFO) -> Iterator[None]:
    logs.configure(level=level)
    try:
        yield
    finally:
        structlog.reset_defaults()
        logging.basicConfig(handlers=[logging.NullHandler()], level=logging.WARNING, force=True)
