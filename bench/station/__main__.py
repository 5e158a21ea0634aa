"""`python -m bench.station NAME TOPIC`: the process that an operator would run."""

import sys

from bench.station.main import station
from libs.common.serving import run

if __name__ == "__main__":
    run(station(*sys.argv[1:]))
