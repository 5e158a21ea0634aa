"""One process: its services, one port for all of their interfaces, one for health and metrics."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from typing import Any, TypeVar

import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from libs.common import logs, settings, tracing
from libs.common.http import problems
from libs.common.http.connections import Connection
from libs.common.http.described import described
from libs.common.http.listening import Server, allow_files, leave_no_core
from libs.common.http.problems import Texts
from libs.common.ports import is_free
from libs.common.running import OldDatabase, Running
from libs.common.service import Service
from libs.common.settings import Settings, SettingsError
from libs.common.watchdog import Watchdog

T = TypeVar("T")

DRAIN_SECONDS = 8


def interface(services: Sequence[Running]) -> FastAPI:
    """The HTTP interface of these services, whose names of resources are all different."""
    app = FastAPI(title="civicgrid", version="1", openapi_url=None, redirect_slashes=False)
    files = [running.service.room / "texts.yaml" for running in services]
    texts = Texts([file for file in files if file.exists()])
    for running in services:
        app.include_router(running.routes(texts), tags=[running.service.name])
    problems.install(app, texts)
    return app


def admin(services: Sequence[Running], public: FastAPI) -> FastAPI:
    """Live, ready, metrics, and what `public` can do; for operators, on a listener of its own."""
    app = FastAPI(title="civicgrid admin", openapi_url=None)

    @app.get("/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @app.get("/ready")
    async def ready() -> Response:
        faults = {one.service.name: one.faults for one in services if one.faults}
        is_ready = all(one.is_ready for one in services)
        return JSONResponse({"ready": is_ready, "faults": faults}, 200 if is_ready else 503)

    document = cache(lambda: described(public))

    @app.get("/openapi.json")
    def openapi() -> dict[str, Any]:
        """In a thread: it takes a while when it is first asked for."""
        return document()

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


@asynccontextmanager
async def started(services: Sequence[Service], settings: Settings) -> AsyncIterator[list[Running]]:
    """These services at work, until the block ends."""
    running = [Running(service, settings) for service in services]
    try:
        await asyncio.gather(*(one.start() for one in running))
        _spare_collector()
        yield running
    finally:
        await asyncio.gather(*(one.stop() for one in running))


def _spare_collector() -> None:
    """Copies of a city are hundreds of thousands of objects without cycles, and a batch makes many
    that soon go by themselves: looking at them took two fifths of all time (decision 6)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


async def serve(services: Sequence[Service], settings: Settings, stop: asyncio.Event) -> None:
    """Until `stop` is set: then requests in hand are answered, and the services stop."""
    logs.quiet(asyncio.get_running_loop())
    allow_files()
    leave_no_core()
    async with AsyncExitStack() as stack:
        running = await _unless(stop, stack.enter_async_context(started(services, settings)))
        if running is None:
            return
        watchdog = Watchdog(one.consumer for one in running if one.consumer)
        watchdog.start()
        stack.callback(watchdog.stop)
        app = interface(running)
        servers = [
            _server(app, settings, settings.port),
            _server(admin(running, app), settings, settings.admin_port),
        ]
        serving = [asyncio.create_task(server.serve()) for server in servers]
        stopping, old = asyncio.create_task(stop.wait()), [one.old for one in running]
        ends: list[asyncio.Future[Any]] = [*serving, stopping, *old]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*serving, *(one for one in old if one.done()))


async def _unless(stop: asyncio.Event, step: Coroutine[Any, Any, T]) -> T | None:
    """What comes of `step`; None if `stop` is set first, as while it waits for a database."""
    task, stopping = asyncio.create_task(step), asyncio.create_task(stop.wait())
    await asyncio.wait([task, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.wait([task])
    return None


def _server(app: FastAPI, chosen: Settings, port: int) -> Server:
    config = uvicorn.Config(
        app,
        host=chosen.host,
        port=port,
        http=Connection,
        ws="none",
        limit_concurrency=chosen.connections,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    return Server(config)


def check_ports(chosen: Settings) -> None:
    """Raises SettingsError with the name of the port that somebody else has."""
    for name in ("port", "admin_port"):
        if not is_free(chosen.host, getattr(chosen, name)):
            raise SettingsError(
                f"port {getattr(chosen, name)} is taken: choose another with"
                f" CIVICGRID_{name.upper()} (--{name.replace('_', '-')} of `civicgrid up`)"
            )


def run(service: Service) -> None:
    """`python -m services.<name>`: settings from the environment, logs as JSON on stderr."""
    logs.configure()
    try:
        chosen = settings.load()
        tracing.start(service.name)
    except SettingsError as error:
        sys.exit(f"civicgrid {service.name} does not start: {error}")
    import uvloop

    try:
        uvloop.run(_until_signal(service, chosen))
    except OldDatabase as error:
        sys.exit(str(error))
    except SettingsError as error:
        sys.exit(f"civicgrid {service.name} does not start: {error}")


async def _until_signal(service: Service, chosen: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    check_ports(chosen)
    await serve([service], chosen, stop)
