"""What the alerts service publishes on `civicgrid.alerts`."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from libs.common.contracts.values import Code
from libs.common.messages import Event


class AlertEvent(Event):
    alert_id: UUID
    community: Code | None
    cell: Code | None
    about: UUID
    """The lead or case that it is about; never a person."""
    rule: Code
    severity: int
    """1 (lowest) to 4."""
    at: datetime

    @property
    def key(self) -> str | None:
        return self.community


class AlertRaised(AlertEvent):
    """`recipients`: random references of persons, each told once; empty when `late`."""

    type: ClassVar[str] = "alert.raised.v1"
    rule_set: int
    recipients: tuple[UUID, ...]
    level: int
    """0 at first, one more with each escalation."""
    late: bool = False
    about_version: int = 0
    """Of what it is about, when it was raised; what was before cannot clear it."""


class AlertAcknowledged(AlertEvent):
    type: ClassVar[str] = "alert.acknowledged.v1"
    by: UUID


class AlertEscalated(AlertEvent):
    """Nobody acknowledged in time: `recipients` are those told in addition."""

    type: ClassVar[str] = "alert.escalated.v1"
    level: int
    recipients: tuple[UUID, ...]


class AlertReturnedToNormal(AlertEvent):
    type: ClassVar[str] = "alert.returned_to_normal.v1"
