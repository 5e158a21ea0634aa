"""A header whose name is not UTF-8, as any client in C may write it, stops nobody."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from tests.integration.test_poison import BODY, good
from tests.integration.test_two_services import open_shop
from tests.support.awaiting import eventually
from tests.support.servers import Ground


class Name(str):
    """Bytes on the wire that are no text."""

    __slots__ = ()

    def encode(self, *_: Any) -> bytes:
        return b"\xff\xfe"


@pytest.mark.timeout(120)
async def test_a_name_of_a_header_that_is_not_utf8_is_a_dead_letter(servers: Ground) -> None:
    async with open_shop(servers) as there:
        await there.list_good("tea")
        till = there.till.service
        producer = AIOKafkaProducer(bootstrap_servers=there.settings.kafka_bootstrap_servers)
        await producer.start()
        try:
            for name in ("ce_actorref", Name("xx"), "ce_actorref"):
                batch = producer.create_batch()
                batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 16_384)
                headers = [*good(till.source).items(), (name, b"anybody")]
                batch.append(timestamp=None, key=b"one", value=BODY, headers=headers)
                batch.close()
                await (await producer.send_batch(batch, till.topic, partition=0))
        finally:
            await producer.stop()
        rows = await eventually(
            lambda: there.book_rows("SELECT sales FROM takings"),
            lambda rows: bool(rows) and rows[0][0] >= 2,
        )
        assert rows[0][0] == 2
        dead = await there.book_rows("SELECT stage FROM dead_letter")
        assert [row["stage"] for row in dead] == ["headers"]
