"""`civicgrid topics`: the broker's topics, as deploy/kafka/topics.yaml says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, TypeVar

import typer
from aiokafka.admin import AIOKafkaAdminClient

from cli import ground
from cli.screen import console, show_table
from libs.common import provisioning, topics
from libs.common.settings import Settings

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
