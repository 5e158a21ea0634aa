"""What every service publishes of its audit on `civicgrid.audit`: how far it goes, and its hash."""

from datetime import datetime
from typing import ClassVar

from libs.common.contracts.values import Digest, Term
from libs.common.messages import Event

TOPIC = "civicgrid.audit"


class AuditAnchored(Event):
    """`hash`: of the row with this number, in hex; it binds all rows before it. `sealed_at`: when
    that row got it, by the clock of the database."""

    type: ClassVar[str] = "audit.anchored.v1"
    service: Term
    number: int
    hash: Digest
    sealed_at: datetime

    @property
    def key(self) -> str:
        return self.service

    @property
    def topic(self) -> str:
        return TOPIC
