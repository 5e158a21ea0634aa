"""A service at work: writer, consumer, relay, timers, each put up again when it falls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import asyncpg
import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError
from fastapi import APIRouter

from libs.common import database, erasures, failpoints, kafka, metrics, recovery, retention
from libs.common.clock import Clock
from libs.common.consumer import Consumer
from libs.common.facts import Facts
from libs.common.http import Desk
from libs.common.http.problems import Texts
from libs.common.http.quotas import Quota, Quotas
from libs.common.http.routes import Guarded
from libs.common.ids import named
from libs.common.journal import Connection
from libs.common.keys import Keys
from libs.common.logs import blame
from libs.common.measuring import Measuring
from libs.common.messages import Cause
from libs.common.outgoing import Outgoing
from libs.common.receiving import Receiver
from libs.common.relay import Relay
from libs.common.sealing import Sealing
from libs.common.service import Service
from libs.common.settings import Settings, SettingsError
from libs.common.sweeping import Sweeping
from libs.common.timing import Timing
from libs.common.work import INTAKE, Work
from libs.common.writer import Writer

log = structlog.get_logger()

T = TypeVar("T")

PULSE_SECONDS = 1.0
ANCHOR_SECONDS = 2.0
COMPARE_SECONDS = 10.0
"""Of the ten that a service has to stop in."""
NOT_YET = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""Of a database that will answer later; a wrong password or name is told at once."""
PULSE = Cause("system", "", named("pulse"), "")


class OldDatabase(Exception):
    """The service would contradict what it published; the text says what to do."""


class Running:
    """`old`: has the OldDatabase that was found only after the start, and is to be heeded."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self.service, self._settings = service, settings
        self.consumer: Consumer | None = None
        self._compared = asyncio.Event()
        self.old: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._log = log.bind(service=service.name)
        self._clock = Clock()
        self._tasks: list[asyncio.Task[None]] = []
        self._guard = service.guard(settings)

    async def start(self) -> None:
        """Return when commands can be taken: facts are loaded, the database answers."""
        service = self.service
        for demand in service.demands:
            demand(self._settings)
        self._key_pool = await self._patiently(self._open_keys)
        self._keys = Keys(self._key_pool)
        outgoing = Outgoing()
        self.writer = Writer(
            self._writer_session,
            service.rules(),
            Facts(service.projections, service.facts),
            self._clock,
            self._keys,
            outgoing,
        )
        await self._patiently(self._check_roles)
        self._readers = await self._patiently(self._reader_pool)
        receiver = Receiver(
            *(service.source, service.reads, service.policies, service.timers, service.buried),
            is_demo=self._settings.demo,
        )
        self.timing = Timing(
            *(service.name, receiver, self.writer, self._clock),
            *(self._writer_session, self._keys),
        )
        self.relay = Relay(
            self._writer_session, self._producer, service.source, self._lead, outgoing
        )
        self._put_up("writer", self.writer.run)
        self._put_up("pulse", self._pulse)
        await self._patiently(lambda: self.writer.submit([_nothing()]))
        if not await self._patiently(self._check_history_soon):
            self._put_up("history", self._check_history_later)
        await self._patiently(self._erase_again)
        if service.consumes:
            self.consumer = Consumer(
                self._kafka_consumer,
                self._writer_session,
                receiver.read,
                self.writer,
                service.first,
            )
            metrics.STOPPED.labels(service.name).set_function(lambda: len(self.faults))
            self._put_up("consumer", self._once_compared(self.consumer.run))
        self._put_up("relay", self._once_compared(self.relay.run))
        bootstrap = self._settings.kafka_bootstrap_servers
        told = (service.name, service.consumes, bootstrap, self._clock, self._writer_session)
        self._put_up("measuring", Measuring(*told).run)
        self._put_up("timing", self._time)
        self._put_up("retention", self._forget)
        self.sealing = Sealing(service.name, service.source, self.writer, self._writer_session)
        self._put_up("sealing", self._seal)
        if service.sweeps:
            self.sweeping = Sweeping(
                service.source, service.sweeps, self.writer, self._writer_session
            )
            self._put_up("sweeping", self._sweep)

    @property
    def faults(self) -> Mapping[str, str]:
        """Topics that are no longer read, and what to do; empty while all is well."""
        return self.consumer.stopped if self.consumer else {}

    @property
    def is_ready(self) -> bool:
        """Although an outside source sends nonsense, and is no longer read."""
        return all(topic.startswith(INTAKE) for topic in self.faults)

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Until the database answers: a process that is there before it waits for it."""
        while True:
            try:
                return await ask()
            except NOT_YET as error:
                if isinstance(error, asyncpg.ClientConfigurationError):
                    raise
                self._log.warning("no database yet", error=type(error).__name__)
                await asyncio.sleep(0.5)

    def routes(self, texts: Texts) -> APIRouter:
        desk: Desk[Any] = Desk(
            self.service.name,
            self.writer,
            self._readers,
            texts,
            self._guard,
            Quotas(Quota(self._settings.account_rate), Quota(self._settings.address_rate)),
            sealing=self._keys,
            settings=self._settings,
        )
        router = self.service.routes(desk)
        if not all(isinstance(route, Guarded) for route in router.routes):
            raise TypeError(f"{self.service.name} has a route that nobody guards")
        return router

    async def stop(self) -> None:
        """What comes in is stopped first; what the writer has in hand is stored, and the audit is
        anchored."""
        if not self._tasks:
            return
        with suppress(Exception):
            await asyncio.wait_for(self.anchor(), ANCHOR_SECONDS)
        writer, *others = self._tasks
        for task in reversed(others):
            task.cancel()
        failpoints.reach("stopping")
        with suppress(Exception):
            await asyncio.wait_for(self.writer.submit([_nothing()]), 5)
        for task in (*others, writer):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await asyncio.wait_for(task, 8)
        for pool in (self._readers, self._key_pool):
            pool.terminate()

    def _put_up(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(asyncio.create_task(self._keep_up(name, run)))

    async def _keep_up(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        pause = 0.2
        while True:
            try:
                await run()
            except Exception as error:
                self._log.warning("fell", part=name, error=blame(error))
            await asyncio.sleep(pause)
            pause = min(5.0, pause * 2)

    async def _pulse(self) -> None:
        """Facts and clock stay fresh in a process that has nothing to write."""
        while True:
            await self.writer.submit([_nothing()])
            await asyncio.sleep(PULSE_SECONDS)

    async def _time(self) -> None:
        await self._while_leading(self.timing.run)

    async def _sweep(self) -> None:
        await self._while_leading(self.sweeping.run)

    async def _seal(self) -> None:
        await self._while_leading(self.sealing.run)

    async def anchor(self) -> None:
        """Return once the audit is anchored as far as it goes, if this process is the one to."""
        if not self.relay.is_leader:
            return
        async with database.working(self._writer_session) as connection:
            await self.sealing.finish(connection)
            await self.relay.rest(connection)

    async def _forget(self) -> None:
        await self._while_leading(
            lambda leads: retention.run(self._writer_session, self._keys, leads)
        )

    async def _while_leading(self, run: Callable[[Callable[[], bool]], Awaitable[None]]) -> None:
        """What only the process does that holds the relay."""
        while True:
            if self.relay.is_leader:
                await run(lambda: self.relay.is_leader)
            await asyncio.sleep(PULSE_SECONDS / 2)

    async def _lead(self, connection: Connection) -> None:
        await connection.execute("SELECT make_partitions()")

    async def _writer_session(self) -> Connection:
        name = self.service.name
        return await database.connect(self._settings.url(name, "writer"), f"{name}-writer")

    async def _check_roles(self) -> None:
        """Raises SettingsError: a process that owns its tables could lift every limit on it."""
        name = self.service.name
        for role in ("writer", "reader"):
            async with database.session(self._settings.url(name, role)) as connection:
                if await database.owns_tables(connection):
                    raise SettingsError(
                        f"DATABASE_URL: the {role} of {name} owns its tables or is a superuser:"
                        " let `python -m cli.setup city` make roles that may do less"
                    )

    async def _check_history(self) -> bool:
        """Raises OldDatabase. Whether it was compared: while the broker is away nothing can be."""
        bootstrap = self._settings.kafka_bootstrap_servers
        try:
            async with database.working(self._writer_session) as connection:
                behind = await recovery.is_behind(self.service, bootstrap, connection)
        except KafkaError as error:
            self._log.warning("history not compared", error=type(error).__name__)
            return False
        if behind:
            raise OldDatabase(
                f"{self.service.name}: Kafka knows more than this database, which was restored or"
                " made anew: run `civicgrid doctor --recover` first"
            )
        self._compared.set()
        return True

    async def _check_history_soon(self) -> bool:
        """A broker that says nothing is as one that is away: its clients wait much longer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(COMPARE_SECONDS):
                return await self._check_history()
        self._log.warning("history not compared", error="TimeoutError")
        return False

    async def _check_history_later(self) -> None:
        """Once the broker answers: commands are taken meanwhile, and told to nobody."""
        try:
            while not await self._check_history():
                await asyncio.sleep(PULSE_SECONDS)
        except OldDatabase as error:
            self.old.set_exception(error)
        await asyncio.Event().wait()

    def _once_compared(self, run: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """What is published, and what is taken from others, must not contradict what was."""

        async def wait_and_run() -> None:
            await self._compared.wait()
            await run()

        return wait_and_run

    async def _erase_again(self) -> None:
        """Before anybody is answered: the keys may be those of an older backup."""
        async with database.working(self._writer_session) as connection:
            await erasures.again(connection, self._keys)

    async def _reader_pool(self) -> asyncpg.Pool[Any]:
        name = self.service.name
        return await asyncpg.create_pool(
            self._settings.url(name, "reader"),
            password=lambda: self._settings.password(f"{name}_reader"),  # it may change
            min_size=1,
            max_size=8,
            command_timeout=database.ANSWER_SECONDS,
            server_settings={"application_name": f"{name}-reader", "timezone": "UTC"},
        )

    async def _open_keys(self) -> asyncpg.Pool[Any]:
        return await asyncpg.create_pool(
            self._settings.url("keys", "writer"),
            password=lambda: self._settings.password("keys_writer"),
            min_size=1,
            max_size=2,
            command_timeout=database.ANSWER_SECONDS,
        )

    async def _kafka_consumer(self, listener: ConsumerRebalanceListener) -> AIOKafkaConsumer:
        settings, service = self._settings, self.service
        group = f"civicgrid.{service.name}"
        bootstrap = settings.kafka_bootstrap_servers
        told = (listener, settings.instance, service.gathers_seconds)
        return await kafka.consumer(bootstrap, group, service.consumes, *told)

    def _producer(self) -> Any:
        bootstrap = self._settings.kafka_bootstrap_servers
        return kafka.producer(bootstrap, f"civicgrid.{self.service.name}")


def _nothing() -> Work:
    return Work(lambda _: (), PULSE)
