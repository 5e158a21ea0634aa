"""Records that nobody here asks for are moved past with those that come before them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from libs.common.consumer import Consumer
from libs.common.ids import named
from libs.common.messages import Cause
from libs.common.work import Work

PARTITION = TopicPartition("civicgrid.leads", 3)
CAUSE = Cause("system", "", named("test"), "")


@pytest.mark.parametrize(
    ("asked", "ends"),
    [
        ((), {5: 9}),
        ((5,), {5: 9}),
        ((6, 8), {5: 6, 6: 8, 8: 9}),
        ((5, 6, 7, 8), {5: 6, 6: 7, 7: 8, 8: 9}),
    ],
)
def test_each_work_ends_before_the_next(asked: Collection[int], ends: dict[int, int]) -> None:
    def read(record: Any) -> Work | None:
        return Work(lambda _: (), CAUSE) if record.offset in asked else None

    records = [ConsumerRecord(*PARTITION, n, 0, 0, None, b"", None, -1, 0, ()) for n in range(5, 9)]
    nothing: Any = None
    consumer = Consumer(nothing, nothing, read, nothing)
    places = [work.place for work in consumer._read_all(PARTITION, 5, records)]
    assert {place.offset: place.end for place in places if place} == ends
    assert all(place and place.last is records[place.end - 6] for place in places)
    assert all(place and place.begin == 5 for place in places)
