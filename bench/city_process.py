"""All services of the city in one process, on uvloop: `python -m bench.city_process`."""

from __future__ import annotations

import asyncio
import signal

import uvloop

from cli.city import SERVICES
from libs.common import serving, settings


async def _until_signal() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serving.serve(SERVICES, settings.load(), stop)


if __name__ == "__main__":
    uvloop.run(_until_signal())
