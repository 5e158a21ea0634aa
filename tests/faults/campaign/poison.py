"""Records that nobody can read, thrown among the good ones, each unlike every other."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.faults.campaign.words import new_id

READERS: Mapping[str, tuple[str, ...]] = {
    "civicgrid.registry": ("leads", "alerts", "mediation", "scoring", "portal"),
    "civicgrid.portal": ("registry", "leads", "alerts", "mediation", "scoring"),
    "civicgrid.leads": ("registry", "alerts", "mediation", "scoring"),
    "civicgrid.mediation": ("registry", "leads", "alerts", "scoring"),
    "civicgrid.alerts": ("registry", "scoring"),
    "civicgrid.intake.sandbox": ("leads",),
}
WRONG = {"ce_specversion": b"0.3", "ce_id": b"", "ce_type": b""}
"""What is wrong with it -> how."""
MEAN_SECONDS = 2.5


class Poison:
    """`file` gets a line for each: where it went, what is wrong, who must find it unreadable."""

    def __init__(self, bootstrap: str, chance: random.Random, file: Path) -> None:
        self._bootstrap, self._chance, self._file = bootstrap, chance, file
        self._open = asyncio.Event()
        self._open.set()
        self._rests = asyncio.Event()
        self.count = 0
        file.touch()

    async def run(self) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, acks="all")
        await producer.start()
        try:
            while True:
                await asyncio.sleep(self._chance.uniform(0, 2 * MEAN_SECONDS))
                self._rests.set()
                await self._open.wait()
                self._rests.clear()
                await self._throw(producer)
        finally:
            with suppress(KafkaError):
                await producer.stop()

    async def pause(self) -> None:
        """Return once none is on its way."""
        self._open.clear()
        self._rests.clear()
        await self._rests.wait()

    def go_on(self) -> None:
        self._open.set()

    async def _throw(self, producer: AIOKafkaProducer) -> None:
        """Into each topic in turn. Noted before it is sent: one whose sending failed may be there
        all the same."""
        topic = sorted(READERS)[self.count % len(READERS)]
        value = f"<{new_id()}/>".encode()
        wrong = self._chance.choice(sorted(WRONG))
        headers = {
            "ce_specversion": b"1.0",
            "ce_id": new_id().encode(),
            "ce_type": b"incident.reported.v1",
            "ce_source": b"/" + topic.replace(".", "/").encode(),
            wrong: WRONG[wrong],
        }
        self.count += 1
        key = str(self.count).encode()
        line = {"topic": topic, "digest": hashlib.sha256(value).hexdigest(), "wrong": wrong}
        told = {**line, "key": key.decode(), "readers": READERS[topic]}
        with self._file.open("a") as out:
            out.write(json.dumps(told) + "\n")
        while True:
            try:
                await producer.send_and_wait(topic, value, key=key, headers=list(headers.items()))
                return
            except KafkaError:
                await asyncio.sleep(0.5)
