"""`python -m tests.faults.checker FOLDER`: the verdict about what a campaign left there."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from tests.faults.checker import check

if __name__ == "__main__":
    verdict = check(Path(sys.argv[1]))
    print(json.dumps(asdict(verdict), indent=1, ensure_ascii=False))
    sys.exit({"valid": 0, "invalid": 1, "unknown": 2}[verdict.name])
