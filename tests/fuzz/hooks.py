"""Loaded by schemathesis: every answer is counted, into the file that TALLY names."""

from __future__ import annotations

import atexit
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis

STATUSES: Counter[str] = Counter()


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    STATUSES[str(response.status_code)] += 1


@schemathesis.hook
def after_network_error(context: Any, case: Any, request: Any) -> None:
    STATUSES["no answer"] += 1


@atexit.register
def _write() -> None:
    Path(os.environ["TALLY"]).write_text(json.dumps(STATUSES))
