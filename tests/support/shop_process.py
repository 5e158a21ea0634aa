"""One service of the shop as a process: `python -m tests.support.shop_process SUFFIX NAME`."""

from __future__ import annotations

import sys

from libs.common.serving import run
from tests.support import shop

if __name__ == "__main__":
    suffix, name = sys.argv[1:]
    till, book = shop.services(suffix)
    run({"till": till, "book": book}[name])
