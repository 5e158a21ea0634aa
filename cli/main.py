"""The `civicgrid` command: bring the city up, look into it, mend it."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated

import asyncpg
import structlog
import typer
from aiokafka.errors import KafkaConnectionError, KafkaError
from rich.text import Text

from cli import (
    access,
    accounts,
    audit,
    dead_letters,
    demo,
    doctor,
    ground,
    leads,
    letters,
    passes,
    registry,
    scoring,
    sharing,
    state,
    story,
    subjects,
)
from cli import topics as topics_of
from cli.audit_files import FileError
from cli.board import follow, screen_of
from cli.city import NAMES, SERVICES
from cli.client import CityError
from cli.flow import Flow
from cli.screen import Json, console, errors, show_json, show_table, tell
from cli.times import FORM, moment, shown
from libs.common import logs, retention, serving
from libs.common.database import session
from libs.common.recovery import Gap
from libs.common.relay import republish as publish_again
from libs.common.running import OldDatabase
from libs.common.settings import Settings, SettingsError
from libs.common.topics import TopicsError
from libs.embedded import EmbeddedError

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(topics_of.app, name="topics")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(registry.app, name="registry")
app.add_typer(leads.imports, name="leads")
app.add_typer(leads.app, name="lead")
app.add_typer(scoring.app, name="scoring")
app.add_typer(accounts.app, name="accounts")
app.add_typer(access.app, name="access")
app.add_typer(subjects.app, name="subjects")
app.add_typer(sharing.app, name="sharing")
app.add_typer(audit.app, name="audit")
app.command("init")(accounts.init)
app.command("login")(accounts.login)
app.command("logout")(accounts.logout)
app.command("whoami")(accounts.whoami)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)


@app.command()
def up(
    port: Annotated[
        int, typer.Option(envvar="CIVICGRID_PORT", help="of the interface", min=1, max=65535)
    ] = 8080,
    admin_port: Annotated[
        int,
        typer.Option(envvar="CIVICGRID_ADMIN_PORT", help="of health and metrics", min=1, max=65535),
    ] = 9090,
    demo: Annotated[
        bool,
        typer.Option(
            "--demo",
            envvar="CIVICGRID_DEMO",
            help="everybody is made up: no real identity comes in",
        ),
    ] = False,
) -> None:
    """All services in one process; servers of their own where none are named."""
    with ground.opened(tell) as there:
        told = {"port": port, "admin_port": admin_port, "demo": demo}
        chosen = there.settings.model_copy(update=told)
        asyncio.run(_serve(there, chosen))


async def _serve(there: ground.Ground, chosen: Settings) -> None:
    serving.check_ports(chosen)
    await ground.prepare(there, SERVICES, tell)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    url = f"http://{chosen.host}:{chosen.port}"
    if there.servers:
        ground.tell_url(url)
    console.print(f"civicgrid answers on {url}; Ctrl-C stops it")
    console.print(f"Kafka listens on {chosen.kafka_bootstrap_servers}")
    await serving.serve(SERVICES, chosen, stop)


@app.command()
def status(as_json: Json = False) -> None:
    """What each service has not read, not published, not been able to handle."""
    found = asyncio.run(state.states(ground.attached(), SERVICES))
    if as_json:
        return show_json([asdict(one) for one in found])
    show_table([asdict(one) for one in found])


@app.command()
def trace(
    asked: Annotated[str, typer.Argument(metavar="LEAD_OR_CORRELATION_ID")], as_json: Json = False
) -> None:
    """The whole story of a lead over all services, with the times between its steps."""
    steps = asyncio.run(story.tell(ground.attached(), NAMES, asked))
    if not steps:
        errors.print(f"nothing is known of {asked}")
        raise typer.Exit(1)
    if as_json:
        return show_json([asdict(step) for step in steps])
    show_table([_line(step) for step in steps])
    for aggregate, id in dict.fromkeys((step.aggregate, step.id) for step in steps):
        if aggregate != story.FIGURES:
            console.print(f"{aggregate} {id}")


def _line(step: story.Step) -> dict[str, str]:
    after = f"{step.after:.1f}"
    return {"after_ms": after, "service": step.service, "event": step.type, "of": step.aggregate}


@app.command()
def republish(
    since: Annotated[datetime, typer.Option(parser=moment, help=FORM)],
    service: Annotated[str | None, typer.Option(help="one service; all, if left out")] = None,
) -> None:
    """Publish again what was recorded since: readers know by themselves what they have handled."""
    if service is not None and service not in NAMES:
        raise typer.BadParameter(f"known are {', '.join(NAMES)}", param_hint="--service")
    now = datetime.now().astimezone()
    if since > now:
        raise typer.BadParameter(
            f"it is in the future: now it is {shown(now)}", param_hint="--since"
        )
    if since < now - timedelta(days=retention.DAYS):
        told = f"readers remember what they handled for {retention.DAYS} days: choose a later time"
        raise typer.BadParameter(told, param_hint="--since")
    chosen = ground.attached()
    names = [service] if service else NAMES
    with console.status("waiting until nothing newer is on its way to the broker"):
        counts = asyncio.run(_republish(chosen, names, since))
    for name, count in zip(names, counts, strict=True):
        console.print(f"{name}: {count:,} events")


async def _republish(chosen: Settings, names: Sequence[str], since: datetime) -> list[int]:
    async def one(name: str) -> int:
        async with session(chosen.url(name, "writer")) as connection:
            return await publish_again(connection, since)

    return await asyncio.gather(*(one(name) for name in names))


@app.command()
def watch() -> None:
    """Leads on their way through the services, live, until Ctrl-C."""
    chosen = ground.attached()
    try:
        asyncio.run(_watch(chosen))
    except KeyboardInterrupt:
        console.print("no longer watching; the city goes on")


async def _watch(chosen: Settings) -> None:
    async with Flow(chosen) as flow:
        with screen_of(console) as screen:
            while True:
                await follow(flow, screen)


def _quiet_logs() -> None:
    """Errors alone, on a screen that shows something else, and never what a value was."""
    logs.configure(renderer=structlog.dev.ConsoleRenderer(), level=logging.ERROR)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


EXPECTED = (
    EmbeddedError,
    SettingsError,
    TopicsError,
    CityError,
    demo.DemoError,
    doctor.DoctorError,
    OldDatabase,
    Gap,
    ground.NotRunning,
    letters.LetterError,
    FileError,
    passes.OtherCity,
)


AWAY = (ConnectionError, TimeoutError, socket.gaierror)
UNREACHABLE = (None, errno.ENETUNREACH, errno.EHOSTUNREACH)
"""None: of several addresses none answers. Other errors of the system are of files."""


def main() -> None:
    """Errors that a user can mend are a line, not a traceback."""
    try:
        _quiet_logs()
        app()
    except EXPECTED as error:
        errors.print(Text(str(error), "red"))
        sys.exit(1)
    except asyncpg.PostgresError as error:
        errors.print(f"[red]the database refuses ({error}): bring it up with `civicgrid up`[/red]")
        sys.exit(1)
    except KafkaError as error:
        why = "does not answer" if isinstance(error, KafkaConnectionError) else f"refuses ({error})"
        errors.print(Text(f"Kafka {why}: is `civicgrid up` running?", "red"))
        sys.exit(1)
    except OSError as error:
        is_away = isinstance(error, AWAY) or error.errno in UNREACHABLE
        why = "the servers do not answer: is `civicgrid up` running?" if is_away else str(error)
        errors.print(Text(why, "red"))
        sys.exit(1)
