"""What every peer is told on its command line."""

from __future__ import annotations

import sys
from typing import NamedTuple


class Arguments(NamedTuple):
    bootstrap: str
    database_url: str
    source: str
    target: str
    group: str


def read() -> Arguments:
    return Arguments(*sys.argv[1:6])
