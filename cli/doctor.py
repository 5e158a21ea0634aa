"""`civicgrid doctor`: is what is stored sound, and does it agree with what was published?"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Annotated

import asyncpg
import typer

from cli import ground
from cli.city import SERVICES
from cli.screen import Json, console, errors, show_json, show_table, tell
from libs.common import erasures, folding, provisioning, recovery, relay
from libs.common.database import Connection, session
from libs.common.keys import Keys
from libs.common.recovery import Recovered
from libs.common.service import Service
from libs.common.settings import Settings


class DoctorError(Exception):
    """It cannot be mended now; the text says what to do."""


@dataclass(frozen=True)
class Finding:
    """`behind`: Kafka knows more than the journal. `unsound`: states that are not the fold of
    their events."""

    service: str
    behind: bool
    unsound: int

    @property
    def is_well(self) -> bool:
        return not self.behind and not self.unsound


def doctor(
    recover: Annotated[
        bool, typer.Option("--recover", help="bring restored databases to what Kafka knows")
    ] = False,
    as_json: Json = False,
) -> None:
    """Whether every state is the fold of its events, and every journal as long as Kafka says. Where
    no servers run, it starts those of this machine, and stops them when it is done."""
    with ground.standing(tell) as settings:
        if recover:
            found = asyncio.run(_recovered(settings))
            if not as_json:
                for name, one in found.items():
                    _tell_recovered(name, one)
        findings = asyncio.run(_examined(settings))
    rows = [asdict(one) | {"is_well": one.is_well} for one in findings]
    show_json(rows) if as_json else show_table(rows)
    if not all(one.is_well for one in findings):
        if any(one.behind for one in findings):
            errors.print("stop the services that are behind, then run `civicgrid doctor --recover`")
        raise typer.Exit(1)


def _tell_recovered(name: str, one: Recovered) -> None:
    console.print(f"{name}: {one.events:,} events of {len(one.streams):,} aggregates came back")
    if one.unsealed:
        console.print(f"  sealed content of these is lost: {', '.join(map(str, one.unsealed))}")


async def _examined(settings: Settings) -> list[Finding]:
    findings = []
    for service in SERVICES:
        async with session(settings.url(service.name, "reader")) as connection:
            behind = await _is_behind(settings, service, connection)
            unsound = await folding.unsound(connection, service)
        findings.append(Finding(service.name, behind, len(unsound)))
    return findings


async def _recovered(settings: Settings) -> dict[str, Recovered]:
    found = {}
    for service in SERVICES:
        async with session(settings.url(service.name, "writer")) as writer:
            if await _is_behind(settings, service, writer):
                found[service.name] = await _recover(settings, service, writer)
    await _erase_again(settings)
    return found


async def _erase_again(settings: Settings) -> None:
    """Whatever any service knows to be erased, before one of them starts."""
    async with asyncpg.create_pool(settings.url("keys", "writer"), min_size=1, max_size=1) as pool:
        for service in SERVICES:
            async with session(settings.url(service.name, "reader")) as connection:
                await erasures.again(connection, Keys(pool))


async def _is_behind(settings: Settings, service: Service, connection: Connection) -> bool:
    return await recovery.is_behind(service, settings.kafka_bootstrap_servers, connection)


async def _recover(settings: Settings, service: Service, writer: Connection) -> Recovered:
    tell(f"{service.name} is brought to what Kafka knows")
    if not await relay.hold(writer):
        raise DoctorError(f"{service.name} is running: stop all its processes first")
    async with session(settings.url(service.name, "owner")) as owner:
        await recovery.renumber(owner)
    file = provisioning.topics_file(ground.ROOT)
    bootstrap, topics = settings.kafka_bootstrap_servers, file.written_by(service.name)
    return await recovery.recover(service, bootstrap, topics, writer)
