"""A header whose name is not UTF-8, as any client in C may write it, stops nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from libs.common.contracts.audit import TOPIC as AUDIT
from libs.common.ids import uuid7
from libs.common.running import OldDatabase
from libs.common.serving import started
from tests.integration.test_poison import BODY, good
from tests.integration.test_two_services import open_shop
from tests.support import shop
from tests.support.awaiting import eventually
from tests.support.servers import Ground, unique

OURS: dict[str, bytes | None] = {
    "ce_actorref": b"anybody",
    "ce_correlationid": b"one",
    "ce_causationid": str(uuid7()).encode(),
    "ce_causationsource": b"/test",
    "ce_partitionkey": b"one",
}


class Name(str):
    """Bytes on the wire that are no text."""

    __slots__ = ()

    def encode(self, *_: Any) -> bytes:
        return b"\xff\xfe"


async def send(bootstrap: str, topic: str, headers: Sequence[tuple[str, bytes | None]]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 16_384)
        batch.append(timestamp=None, key=b"one", value=BODY, headers=headers)
        batch.close()
        await (await producer.send_batch(batch, topic, partition=0))
    finally:
        await producer.stop()


@pytest.mark.timeout(120)
async def test_a_name_of_a_header_that_is_not_utf8_is_a_dead_letter(servers: Ground) -> None:
    async with open_shop(servers) as there:
        await there.list_good("tea")
        till = there.till.service
        bootstrap = there.settings.kafka_bootstrap_servers
        for name in ("ce_actorref", Name("xx"), "ce_actorref"):
            await send(bootstrap, till.topic, [*good(till.source).items(), (name, b"anybody")])
        rows = await eventually(
            lambda: there.book_rows("SELECT sales FROM takings"),
            lambda rows: bool(rows) and rows[0][0] >= 2,
        )
        assert rows[0][0] == 2
        dead = await there.book_rows("SELECT stage FROM dead_letter")
        assert [row["stage"] for row in dead] == ["headers"]


@pytest.mark.timeout(120)
async def test_a_service_starts_beside_it_and_reads_what_comes_after(servers: Ground) -> None:
    """given: such records on its own topic and on that of the anchors; when: it starts and when it
    is recovered; then: it is as if they were not there, and what follows them is seen."""
    till, _ = shop.services(unique("u"))
    settings = await servers.provide([till], shop.topics(till.topic))
    bootstrap = settings.kafka_bootstrap_servers
    await send(bootstrap, till.topic, [(Name("xx"), b"anybody")])
    await send(bootstrap, AUDIT, [(Name("xx"), b"anybody")])
    async with started([till], settings) as running:
        assert running[0].faults == {}
    ahead = {**good(till.source), **OURS}
    await send(bootstrap, till.topic, list(ahead.items()))
    await send(bootstrap, till.topic, [(Name("xx"), b"anybody")])
    with pytest.raises(OldDatabase):
        async with started([till], settings):
            pass
