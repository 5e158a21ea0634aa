"""One service of the shop as a process: `python -m tests.support.shop_process SUFFIX NAME`,
or the tables of its till, with `migrate` for a name."""

from __future__ import annotations

import asyncio
import sys

from libs.common import provisioning, settings
from libs.common.serving import run
from tests.support import shop

if __name__ == "__main__":
    suffix, name = sys.argv[1:]
    till, book = shop.services(suffix)
    if name == "migrate":
        asyncio.run(provisioning.migrate([till], settings.load()))
    else:
        run({"till": till, "book": book}[name])
