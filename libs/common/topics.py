"""Topics as data: one file says what there is; a broker is compared with it and brought to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from libs.common.files import read_yaml

DAY_MS = 24 * 3600 * 1000


class TopicsError(Exception):
    """What the file asks for cannot be done without loss; the text says what to do instead."""


EVERY = "every service"


class Topic(BaseModel):
    """`owner`: who writes to it; `EVERY` where all do. `retention_days`: None keeps records for
    ever. `readers`: services or outside sources."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    owner: str
    readers: tuple[str, ...]
    retention_days: int | None


class File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    partitions: int
    replication: int
    topics: Mapping[str, Topic]

    def written_by(self, service: str) -> list[str]:
        return [name for name, topic in self.topics.items() if topic.owner in (service, EVERY)]

    @model_validator(mode="after")
    def _answered(self) -> File:
        """A service whose receipts have nowhere to go would publish nothing any more."""
        for name in self.topics:
            receipts = name.replace(".intake.", ".receipts.")
            if receipts not in self.topics:
                raise ValueError(f"{name} needs {receipts}, where each of its items is answered")
        return self


@dataclass(frozen=True)
class Change:
    """`before` is None for a topic that is not there."""

    topic: str
    setting: str
    before: str | None
    after: str


def read(file: Path) -> File:
    """Raises TopicsError."""
    try:
        return File.model_validate(read_yaml(file))
    except ValidationError as error:
        raise TopicsError(f"{file}: {error.errors(include_url=False)[0]['msg']}") from None


async def difference(admin: AIOKafkaAdminClient, file: File) -> list[Change]:
    """What must change at the broker. Raises TopicsError for fewer or more partitions."""
    known = {one["topic"]: one for one in await admin.describe_topics()}
    there = [name for name in file.topics if name in known]
    retention = await _retention(admin, there)
    changes = []
    for name, topic in file.topics.items():
        wanted = _retention_of(topic)
        if name not in known:
            changes.append(Change(name, "partitions", None, str(file.partitions)))
            continue
        count = len(known[name]["partitions"])
        if count != file.partitions:
            raise TopicsError(
                f"{name} has {count} partitions, the file says {file.partitions}: keys would move."
                " Use `civicgrid topics grow`, which drains all groups first"
            )
        if retention[name] != wanted:
            changes.append(Change(name, "retention.ms", retention[name], wanted))
    return changes


async def apply(admin: AIOKafkaAdminClient, file: File, changes: Sequence[Change]) -> None:
    """Make the topics that are missing, and set what differs."""
    new = [
        NewTopic(
            change.topic,
            file.partitions,
            file.replication,
            topic_configs={
                "retention.ms": _retention_of(file.topics[change.topic]),
                "max.message.bytes": str(1024 * 1024),
            },
        )
        for change in changes
        if change.before is None
    ]
    if new:
        _check(await admin.create_topics(new))
    altered = [
        ConfigResource(ConfigResourceType.TOPIC, change.topic, {change.setting: change.after})
        for change in changes
        if change.before is not None
    ]
    if altered:
        await admin.alter_configs(altered)


async def grow(admin: AIOKafkaAdminClient, names: Sequence[str], partitions: int) -> None:
    """Raises TopicsError. The caller has seen that nothing is on its way."""
    known = {one["topic"]: len(one["partitions"]) for one in await admin.describe_topics(names)}
    more = {name: NewPartitions(partitions) for name in names if known[name] < partitions}
    if any(count > partitions for count in known.values()):
        raise TopicsError("a topic never has fewer partitions than it had")
    if more:
        _check(await admin.create_partitions(more))


def _check(response: Any) -> None:
    for topic, code, *message in response.topic_errors:
        if code not in (0, 36):  # 36: somebody made it meanwhile
            raise TopicsError(f"{topic} was not made: error {code} {message}")


def _retention_of(topic: Topic) -> str:
    return "-1" if topic.retention_days is None else str(topic.retention_days * DAY_MS)


async def _retention(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, str]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found = {}
    for response in await admin.describe_configs(resources):
        for _, _, _, name, entries in response.resources:
            found[name] = next(entry[1] for entry in entries if entry[0] == "retention.ms")
    return found
