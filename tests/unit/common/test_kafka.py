"""What the client of Kafka has no setting for."""

from __future__ import annotations

from aiokafka import codec
from aiokafka.producer.message_accumulator import BatchBuilder

from libs.common import kafka

LZ4 = 3


def test_batches_are_compressed_at_the_level_that_costs_least() -> None:
    assert kafka.LEVEL == 1
    value = b"".join(str(n * n).encode() for n in range(5000))
    batch = BatchBuilder(1024 * 1024, LZ4, is_transactional=0)
    batch.append(timestamp=1, key=b"key", value=value, headers=[])
    high = len(codec.lz4_encode(value, 9))
    assert len(codec.lz4_encode(value)) == len(codec.lz4_encode(value, kafka.LEVEL)) > high
    assert len(batch._build()) > high + 100
