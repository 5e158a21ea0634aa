"""`civicgrid topics`: the broker's topics, as deploy/kafka/topics.yaml says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Annotated, TypeVar

import typer
from aiokafka.admin import AIOKafkaAdminClient

from cli import ground, state
from cli.city import SERVICES
from cli.screen import console, show_table, tell
from libs.common import provisioning, relay, topics
from libs.common.database import session
from libs.common.settings import Settings
from libs.common.topics import TopicsError

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="Topics of the broker, as their file says.")


@app.command("apply")
def topics_apply(
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Show what differs between the broker and deploy/kafka/topics.yaml, and apply it."""
    chosen = ground.attached()
    file = provisioning.topics_file(ground.ROOT)
    changes = asyncio.run(_with_admin(chosen, lambda admin: topics.difference(admin, file)))
    if not changes:
        return console.print("the broker is as the file says")
    show_table([asdict(change) for change in changes])
    if yes or typer.confirm("apply this?"):
        asyncio.run(_with_admin(chosen, lambda admin: topics.apply(admin, file, changes)))
        console.print(f"{len(changes)} changes applied")


async def _with_admin(chosen: Settings, ask: Callable[[AIOKafkaAdminClient], Awaitable[T]]) -> T:
    admin = AIOKafkaAdminClient(bootstrap_servers=chosen.kafka_bootstrap_servers)
    await admin.start()
    try:
        return await ask(admin)
    finally:
        await admin.close()


@app.command()
def grow(partitions: Annotated[int, typer.Option(help="how many, of every topic")]) -> None:
    """Give every topic more partitions. Keys move, so nothing may be on its way: stop what sends,
    wait until `civicgrid status` shows no lag and nothing unpublished, stop all services."""
    file = provisioning.topics_file(ground.ROOT)
    with ground.standing(tell) as chosen:
        asyncio.run(_grow(chosen, list(file.topics), partitions))
    console.print(
        f"every topic has {partitions} partitions: write that into deploy/kafka/topics.yaml"
    )


async def _grow(chosen: Settings, names: Sequence[str], partitions: int) -> None:
    for one in await state.states(chosen, SERVICES):
        if one.lag or one.unpublished or one.waiting:
            raise TopicsError(f"{one.service} has messages on their way: see `civicgrid status`")
        async with session(chosen.url(one.service, "writer")) as connection:
            if not await relay.hold(connection):
                raise TopicsError(f"{one.service} is running: stop all its processes first")
    await _with_admin(chosen, lambda admin: topics.grow(admin, names, partitions))
