"""What the leads service publishes on `civicgrid.leads`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field

from libs.common.contracts.registry import OrganisationKind
from libs.common.contracts.values import Code, Explanation, Number, Rule, Term
from libs.common.messages import Event

Kind = Literal["clue", "hazard", "dispute", "service"]
Urgency = Literal["normal", "urgent", "critical"]
Channel = Literal["app", "console", "intake", "import", "alert"]
Card = Literal["normal", "yellow", "red"]
Ended = Literal["closed", "dismissed"]


class LeadEvent(Event):
    """Every event of a lead repeats where it stands, so that a consumer can count without joins.

    `at` is the business time of the step (`recorded_at` is the envelope's). `imported`: history
    taken over from elsewhere, which sets no timers and tells nobody.
    """

    lead_id: UUID
    community: Code | None
    """Code of the level 1 cell where the lead began; it never changes. None: no place known."""
    cell: Code | None
    """Code of the smallest area known to hold the place."""
    lead_type: Term
    kind: Kind
    urgency: Urgency
    unit: Code | None = None
    """Code of the organisation that must answer, as of this event."""
    at: datetime
    imported: bool = False

    @property
    def key(self) -> str | None:
        return self.community


class LeadCaptured(LeadEvent):
    type: ClassVar[str] = "lead.captured.v1"
    sealed: ClassVar[frozenset[str]] = frozenset({"text", "reporter", "point"})
    parties: ClassVar[Mapping[str, str]] = {"reporter": "reporter"}
    channel: Channel
    source: Code
    source_number: Number | None = None
    captured_by: UUID | None = None
    """The account that sent it; None: it came from elsewhere."""
    received_at: datetime
    clock_skew: bool = False
    near_border: bool = False
    candidates: tuple[Code, ...] = ()
    """Communities that the accuracy circle crosses, when there are several."""
    area_hint: Code | None = None
    due_at: datetime | None = None
    """When it must be closed: after its type, or as the source itself said."""
    closed_at: datetime | None = None
    cancelled: bool = False
    """How a history that was taken over from elsewhere ended."""
    text: str | None = None
    reporter: dict[str, Any] | None = None
    point: tuple[float, float] | None = None
    """Longitude and latitude, WGS 84."""


class LeadFiled(LeadEvent):
    type: ClassVar[str] = "lead.filed.v1"


class LeadRouted(LeadEvent):
    """`unit` must answer, and sign by `sign_by`. `rule` and `rule_set` say why; where a person
    chose, `note` does."""

    type: ClassVar[str] = "lead.routed.v1"
    sealed: ClassVar[frozenset[str]] = frozenset({"note"})
    unit_kind: OrganisationKind
    police_room: Code | None
    """The police room of the cell's community, which is `unit` itself for most types."""
    rule: Code
    rule_set: int
    routing: int
    """1 for the first routing of this lead, and so on."""
    sign_by: datetime | None
    overridden: bool = False
    explanation: Explanation = Field(default_factory=dict)
    """What the rules were given, and why each of those before the winner lost."""
    note: str | None = None


class LeadUnrouted(LeadEvent):
    """No place, no match, or nobody there: it waits in the queue of `unit`, town or centre."""

    type: ClassVar[str] = "lead.unrouted.v1"
    reason: Literal["no_place", "outside", "no_match", "no_unit"]
    explanation: Explanation = Field(default_factory=dict)


class LeadSigned(LeadEvent):
    type: ClassVar[str] = "lead.signed.v1"
    on_time: bool


class LeadAccepted(LeadEvent):
    type: ClassVar[str] = "lead.accepted.v1"


class LeadReturned(LeadEvent):
    type: ClassVar[str] = "lead.returned.v1"
    source: Code
    returning_unit: Code
    reason: Term
    proposed_unit: Code | None
    count: int


class LeadArbitrationRequested(LeadEvent):
    type: ClassVar[str] = "lead.arbitration_requested.v1"


class LeadArbitrated(LeadEvent):
    """`reason`: always that a person decided; `note` is what they said."""

    type: ClassVar[str] = "lead.arbitrated.v1"
    sealed: ClassVar[frozenset[str]] = frozenset({"note"})
    reason: Term
    sign_by: datetime | None = None
    note: str | None = None


class LeadFedBack(LeadEvent):
    type: ClassVar[str] = "lead.fed_back.v1"
    outcome: Term


class LeadVerified(LeadEvent):
    type: ClassVar[str] = "lead.verified.v1"


class LeadReworkOrdered(LeadEvent):
    type: ClassVar[str] = "lead.rework_ordered.v1"
    reason: Term


class LeadClosed(LeadEvent):
    """`on_time`: closed at or before the time it was due; None where nothing was due."""

    type: ClassVar[str] = "lead.closed.v1"
    due_at: datetime | None
    on_time: bool | None


class LeadDismissed(LeadEvent):
    type: ClassVar[str] = "lead.dismissed.v1"
    reason: Term


class SupervisionIssued(Event):
    """`card` for a unit that let a limit pass; `at` is the moment it fell due, not of noticing."""

    type: ClassVar[str] = "supervision.issued.v1"
    supervision_id: UUID
    lead_id: UUID
    community: Code | None
    cell: Code | None
    unit: Code
    card: Card
    stage: Literal["sign"]
    at: datetime

    @property
    def key(self) -> str | None:
        return self.community


class RetentionEvent(Event):
    """Of the review of what a lead holds, once its period is over. `record`: the lead."""

    review_id: UUID
    record: UUID
    community: Code | None
    cell: Code | None
    at: datetime

    @property
    def key(self) -> str | None:
        return self.community


class RetentionFellDue(RetentionEvent):
    """It is deleted at `delete_at`, unless somebody keeps it. `ended`: how the lead ended."""

    type: ClassVar[str] = "retention_review.fell_due.v1"
    ended: Ended
    ended_at: datetime
    delete_at: datetime


class RetentionKept(RetentionEvent):
    type: ClassVar[str] = "retention_review.kept.v1"
    until: datetime
    reason: Term


class RetentionDeleted(RetentionEvent):
    """`subjects`: whose keys are destroyed; what is left of the lead says nothing of anybody."""

    type: ClassVar[str] = "retention_review.deleted.v1"
    subjects: tuple[UUID, ...]


class RoutingRulesPublished(Event):
    type: ClassVar[str] = "routing_rules.published.v1"
    rule_set: int
    valid_from: datetime
    rules: tuple[Rule, ...]
    assessment: Code | None = None


class IncidentReported(Event):
    """What an outside source writes to `civicgrid.intake.<source>`. The place is a cell, or a point
    in degrees of WGS 84, or both, or neither. Texts and names are taken in `sealed_content` alone,
    which is stored encrypted and goes no further; in its own topic it stands as it was sent."""

    type: ClassVar[str] = "incident.reported.v1"
    model_config = ConfigDict(frozen=True, extra="forbid")
    source_number: Number
    lead_type: Term
    urgency: Urgency | None = None
    cell: Code | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    accuracy_m: Annotated[float, Field(ge=0, le=10_000)] = 0
    reported_at: AwareDatetime
    sequence: int = 1
    sealed_content: str | None = None


class Receipt(Event):
    """The answer to an intake message, on `civicgrid.receipts.<source>` under its number."""

    source: Code
    source_number: Number | None

    @property
    def key(self) -> str | None:
        return self.source_number

    @property
    def topic(self) -> str | None:
        return f"civicgrid.receipts.{self.source}"


class IntakeAccepted(Receipt):
    type: ClassVar[str] = "intake.accepted.v1"
    lead_id: UUID


class IntakeRejected(Receipt):
    type: ClassVar[str] = "intake.rejected.v1"
    buries: ClassVar[bool] = True
    codes: tuple[Term, ...]
    paths: tuple[Code, ...]
