"""What alerts answers."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from libs.common.http import shown
from services.alerts.domain import alert

HIDDEN = ("told", "about_version")
_TOLD = {"told_at": datetime, "signed_at": datetime | None}

Alert = shown("Alert", alert.Alert, hidden=HIDDEN, status=alert.AlertStatus)
Notification = shown("Notification", alert.Alert, hidden=HIDDEN, status=alert.AlertStatus, **_TOLD)


class Receipt(BaseModel):
    """Of one person. `level`: the step of the ladder at which they were told."""

    person_ref: UUID
    level: int
    told_at: datetime
    signed_at: datetime | None
