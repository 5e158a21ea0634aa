"""Leads that come in: one by one, in batches, and from an outside source by Kafka."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.faults.campaign.city import COMMANDER, PARENTS
from tests.faults.campaign.client import PAUSE_SECONDS, Client, outcome_of
from tests.faults.campaign.running import Together
from tests.faults.campaign.steps import Steps
from tests.faults.campaign.words import LEAD_FIELDS, TYPES, Lead, new_id

INTAKE = "civicgrid.intake.sandbox"
BATCH = 20
CAUGHT_UP = 60
"""At most so many of what was left is gone on with at once."""
MOST_IN_HAND = 80
"""Operations at a time; a city that does not answer is not asked for more and more."""


@dataclass(frozen=True)
class Mix:
    """Leads a second; of the calls that bring them, the shares that are batches or intake; of the
    leads, the shares that are followed up and that are urgent; and renamed cells for each lead."""

    rate: float = 25.0
    batches: float = 0.1
    intake: float = 0.15
    followed: float = 0.35
    urgent: float = 0.2
    renames: float = 0.02


class Load:
    def __init__(self, client: Client, bootstrap: str, cells: Sequence[str], mix: Mix) -> None:
        self._client, self._cells, self._mix = client, cells, mix
        self._chance = client.chance
        self._bootstrap = bootstrap
        self._steps = Steps(client)
        self._operations = Together()
        self._open = asyncio.Event()
        self._open.set()
        self.takes_intake = True

    @property
    def acknowledged(self) -> int:
        return self._client.history.total("ok", "capture", "intake")

    async def run(self) -> None:
        """Until cancelled."""
        producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, acks="all")
        await producer.start()
        try:
            while True:
                await self._open.wait()
                self._operations.check()
                brought = self._bring(producer) if len(self._operations) < MOST_IN_HAND else 1
                await asyncio.sleep(brought / self._mix.rate)
        finally:
            with suppress(KafkaError):
                await producer.stop()

    def close(self) -> None:
        """No new operation."""
        self._open.clear()

    async def pause(self) -> None:
        """Return once every operation has its outcome."""
        self.close()
        await self._operations.settled()

    def go_on(self) -> None:
        self._open.set()

    def _bring(self, producer: AIOKafkaProducer) -> int:
        chance = self._chance.random()
        if chance < self._mix.batches:
            leads = [self._lead() for _ in range(BATCH)]
            self._operations.begin(self._batch(leads))
            return len(leads)
        if chance < self._mix.batches + self._mix.intake and self.takes_intake:
            self._operations.begin(self._report(producer, self._lead(source="sandbox")))
        else:
            self._operations.begin(self._capture(self._lead()))
        if self._chance.random() < self._mix.renames:
            self._operations.begin(self._rename())
        return 1

    def _lead(self, source: str = "app") -> Lead:
        kind, cell = self._chance.choice(TYPES), self._chance.choice(self._cells)
        urgency = "urgent" if self._chance.random() < self._mix.urgent else "normal"
        by = str(COMMANDER.account) if source == "app" else None
        return Lead(new_id(), kind, cell, source, urgency, by)

    async def _capture(self, lead: Lead) -> None:
        answer = await self._client.command(
            "capture",
            lead.id,
            ("leads", "POST", "/leads"),
            lead.body,
            lead.stored,
            other=lead.other,
            subject=lead.id,
            event="lead.captured.v1",
            fields=LEAD_FIELDS,
            urgent=lead.urgency == "urgent",
        )
        if answer.status in (200, 201):
            await self._follow(lead)

    async def _follow(self, lead: Lead) -> None:
        if self._chance.random() < self._mix.followed:
            await self._steps.follow(lead)
        else:
            self._steps.leave(lead)

    def catch_up(self) -> None:
        """Somebody goes on with some of what was left, of leads and of cases."""
        for service in ("leads", "mediation"):
            left = [one for one in self._steps.left if one.service == service]
            for one in self._chance.sample(left, min(len(left), CAUGHT_UP)):
                self._steps.left.remove(one)
                self._operations.begin(self._steps.catch_up(one))

    async def _rename(self) -> None:
        """Two offices may rename a cell at once."""
        code = self._chance.choice(self._cells)
        both = (self._renamed(code) for _ in range(self._chance.choice((1, 1, 2))))
        await asyncio.gather(*both)

    async def _renamed(self, code: str) -> None:
        name = f"{code} {new_id()[-6:]}"
        body = {"code": code, "name": name, "level": "grid_l3", "parent": PARENTS[code]}
        await self._client.command(
            "registry rename",
            new_id(),
            ("registry", "PUT", f"/areas/{code}"),
            body,
            {"code": code, "name": name},
            event="area.changed.v1",
            fields=["code", "name"],
        )

    async def _batch(self, leads: Sequence[Lead]) -> None:
        """The whole batch again until each of its items is known."""
        history, left = self._client.history, list(leads)
        about = {"service": "leads", "event": "lead.captured.v1", "fields": LEAD_FIELDS}
        while left:
            for lead in left:
                more: dict[str, Any] = {**about, "subject": lead.id, "batch": len(left)}
                more |= {"actor": str(COMMANDER.account), "urgent": lead.urgency == "urgent"}
                history.invoke("capture", lead.id, lead.stored, **more)
            items = [lead.body for lead in left]
            answer = await self._client.ask("leads", "POST", "/leads/batch", json={"items": items})
            none = [{"status": answer.status}] * len(left)
            told = answer.body["items"] if answer.status == 200 else none
            for lead, one in zip(left, told, strict=True):
                history.end("capture", lead.id, outcome_of(one["status"]), one["status"])
            known = zip(left, told, strict=True)
            left = [lead for lead, one in known if outcome_of(one["status"]) == "unknown"]
            if left:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _report(self, producer: AIOKafkaProducer, lead: Lead) -> None:
        """By Kafka, some of them twice; it is promised when the broker has it."""
        history = self._client.history
        body = {
            "source_number": lead.number,
            "lead_type": lead.lead_type,
            "cell": lead.cell,
            "urgency": lead.urgency,
            "reported_at": datetime.now(UTC).isoformat(),
        }
        about = {"service": "leads", "event": "lead.captured.v1", "fields": LEAD_FIELDS}
        history.invoke("intake", lead.number or "", lead.stored, **about)
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", lead.id.encode()),
            ("ce_type", b"incident.reported.v1"),
            ("ce_source", b"sandbox"),
        ]
        key, value = (lead.number or "").encode(), json.dumps(body).encode()
        try:
            await producer.send_and_wait(INTAKE, value, key=key, headers=headers)
        except KafkaError:
            history.end("intake", lead.number or "", "unknown", 0)
            return
        history.end("intake", lead.number or "", "ok", 0, sent_at=time.time())
        if self._chance.random() < 0.1:
            with suppress(KafkaError):
                await producer.send_and_wait(INTAKE, value, key=key, headers=headers)
