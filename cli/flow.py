"""The flow as it happens, read from the journals of the services: who did what with which lead."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any
from uuid import UUID

import asyncpg

from libs.common.database import look
from libs.common.settings import Settings

STAGES = ("routed", "alerted", "mediated", "scored")
WATCHED = ("lead.captured.v1", "lead.routed.v1", "lead.unrouted.v1", "alert.raised.v1",
           "mediation_case.applied.v1")  # fmt: skip

SCORED = {"lead.captured.v1": "scored", "lead.closed.v1": "ended"}
"""Events whose counting in the figures is a stage of its own."""

KEPT = 20_000
"""How many leads are remembered: the newest."""

NEWEST = """
    SELECT transaction_id::text, position FROM event
    WHERE transaction_id < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY event.transaction_id DESC, event.position DESC LIMIT 1
"""
EVENTS = """
    SELECT transaction_id::text, position, type, stream_id, data, recorded_at FROM event
    WHERE (transaction_id, position) > ($1::text::xid8, $2)
      AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY event.transaction_id, event.position LIMIT 5000
"""
APPLIED = """
    SELECT position, type, data, applied_at FROM applied WHERE position > $1
    ORDER BY position LIMIT 5000
"""


@dataclass
class Journey:
    """One lead over all services. `at`: when each stage was stored."""

    id: UUID
    kind: str
    lead_type: str
    cell: str | None
    captured: datetime
    at: dict[str, datetime] = field(default_factory=dict)
    unit: str | None = None
    police_room: str | None = None
    recipients: tuple[str, ...] = ()
    case: str | None = None

    def has_reached(self, *stages: str) -> bool:
        """Those of the stages that are this lead's."""
        return all(one in self.at for one in stages if one != "mediated" or self.kind == "dispute")

    def milliseconds(self, stage: str) -> float | None:
        """From capture to that stage."""
        if stage not in self.at:
            return None
        return round((self.at[stage] - self.captured).total_seconds() * 1000, 1)


class Flow:
    """`journeys`: leads captured since it began to look."""

    SERVICES = ("leads", "alerts", "mediation")

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connections: dict[str, asyncpg.Connection[Any]] = {}
        self._after: dict[str, tuple[str, int]] = {}
        self._applied = 0
        self._early: dict[UUID, list[tuple[str, dict[str, Any], datetime]]] = {}
        self.journeys: dict[UUID, Journey] = {}

    async def __aenter__(self) -> Flow:
        for service in (*self.SERVICES, "scoring"):
            url = self._settings.url(service, "reader")
            self._connections[service] = await look(url)
        for service in self.SERVICES:
            row = await self._connections[service].fetchrow(NEWEST)
            self._after[service] = (row[0], row[1]) if row else ("0", 0)
        newest = "SELECT max(position) FROM applied"
        self._applied = await self._connections["scoring"].fetchval(newest) or 0
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for connection in self._connections.values():
            await connection.close()

    async def look(self) -> None:
        """Take in what happened since the last look."""
        for service in self.SERVICES:
            rows = await self._connections[service].fetch(EVENTS, *self._after[service])
            for row in rows:
                self._after[service] = (row["transaction_id"], row["position"])
                if row["type"] in WATCHED:
                    self._take(row["type"], json.loads(row["data"]), row["recorded_at"])
        for row in await self._connections["scoring"].fetch(APPLIED, self._applied):
            self._applied = row["position"]
            if row["type"] in SCORED:
                self._take(SCORED[row["type"]], json.loads(row["data"]), row["applied_at"])
        for kept in (self.journeys, self._early):
            for id in list(kept)[:-KEPT]:
                del kept[id]

    def _take(self, type: str, data: dict[str, Any], at: datetime) -> None:
        id = UUID(data.get("lead_id") or data["about"])
        if type == "lead.captured.v1":
            told = (data["kind"], data["lead_type"], data["cell"])
            self.journeys[id] = Journey(id, *told, at)
            for early in self._early.pop(id, ()):
                self._stage(self.journeys[id], *early)
        elif id in self.journeys:
            self._stage(self.journeys[id], type, data, at)
        else:
            self._early.setdefault(id, []).append((type, data, at))

    def _stage(self, journey: Journey, type: str, data: dict[str, Any], at: datetime) -> None:
        match type:
            case "lead.routed.v1" | "lead.unrouted.v1":
                journey.unit, journey.police_room = data["unit"], data.get("police_room")
                journey.at.setdefault("routed", at)
            case "alert.raised.v1":
                journey.recipients = (*journey.recipients, *data["recipients"])
                journey.at.setdefault("alerted", at)
            case "mediation_case.applied.v1":
                journey.case = data["case_id"]
                journey.at.setdefault("mediated", at)
            case "scored" | "ended":
                journey.at[type] = at
