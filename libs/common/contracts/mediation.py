"""What the mediation service publishes on `civicgrid.mediation`: no party, no statement."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from libs.common.contracts.values import Code, Term
from libs.common.messages import Event

Track = Literal["people", "administrative", "judicial"]
Grade = Literal["simple", "complex", "hard"]
CaseLevel = Literal["community", "town", "city"]


class CaseEvent(Event):
    case_id: UUID
    community: Code | None
    cell: Code | None
    centre: Code
    """Code of the mediation centre."""
    lead_id: UUID | None
    track: Track
    level: CaseLevel
    at: datetime

    @property
    def key(self) -> str | None:
        return self.community


class CaseApplied(CaseEvent):
    type: ClassVar[str] = "mediation_case.applied.v1"
    number: Code
    director_ref: UUID | None
    """The community officer in post; None while the post is empty."""


class CaseDeclined(CaseEvent):
    type: ClassVar[str] = "mediation_case.declined.v1"
    reason: Term


class CaseAccepted(CaseEvent):
    type: ClassVar[str] = "mediation_case.accepted.v1"
    grade: Grade
    due_at: datetime


class CasePanelFormed(CaseEvent):
    type: ClassVar[str] = "mediation_case.panel_formed.v1"
    mediators: tuple[UUID, ...]


class CaseSessionHeld(CaseEvent):
    type: ClassVar[str] = "mediation_case.session_held.v1"
    session: int
    minutes: int


class CaseAgreed(CaseEvent):
    type: ClassVar[str] = "mediation_case.agreed.v1"
    on_time: bool


class CaseFailed(CaseEvent):
    type: ClassVar[str] = "mediation_case.failed.v1"
    reason: Term


class CaseWithdrawn(CaseEvent):
    type: ClassVar[str] = "mediation_case.withdrawn.v1"


class CasePerformed(CaseEvent):
    type: ClassVar[str] = "mediation_case.performed.v1"


class CaseFellOverdue(CaseEvent):
    type: ClassVar[str] = "mediation_case.fell_overdue.v1"
    due_at: datetime


class CaseClosed(CaseEvent):
    type: ClassVar[str] = "mediation_case.closed.v1"
    outcome: Literal["performed", "failed", "withdrawn"]
