"""What the leads service publishes on `civicgrid.leads`."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field

from libs.common.contracts.registry import OrganisationKind
from libs.common.messages import Event

Kind = Literal["clue", "hazard", "dispute", "service"]
Urgency = Literal["normal", "urgent", "critical"]
Channel = Literal["app", "console", "intake", "import", "alert"]
Card = Literal["normal", "yellow", "red"]


class LeadEvent(Event):
    """Every event of a lead repeats where it stands, so that a consumer can count without joins.

    `at` is the business time of the step (`recorded_at` is the envelope's). `imported`: history
    taken over from elsewhere, which sets no timers and tells nobody.
    """

    lead_id: UUID
    community: str | None
    """Code of the level 1 cell where the lead began; it never changes. None: no place known."""
    cell: str | None
    """Code of the smallest area known to hold the place."""
    lead_type: str
    kind: Kind
    urgency: Urgency
    unit: str | None = None
    """Code of the organisation that must answer, as of this event."""
    at: datetime
    imported: bool = False

    @property
    def key(self) -> str | None:
        return self.community


class LeadCaptured(LeadEvent):
    type: ClassVar[str] = "lead.captured.v1"
    sealed: ClassVar[frozenset[str]] = frozenset({"text", "reporter", "point"})
    channel: Channel
    source: str
    source_number: str | None = None
    received_at: datetime
    clock_skew: bool = False
    near_border: bool = False
    candidates: tuple[str, ...] = ()
    """Communities that the accuracy circle crosses, when there are several."""
    area_hint: str | None = None
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
    """`unit` must answer, and sign by `sign_by`. `rule` and `rule_set` say why."""

    type: ClassVar[str] = "lead.routed.v1"
    unit_kind: OrganisationKind
    police_room: str | None
    """The police room of the cell's community, which is `unit` itself for most types."""
    rule: str
    rule_set: int
    routing: int
    """1 for the first routing of this lead, and so on."""
    sign_by: datetime | None
    overridden: bool = False
    explanation: dict[str, Any] = Field(default_factory=dict)
    """What the rules were given, and why each of those before the winner lost."""


class LeadUnrouted(LeadEvent):
    """No place, no match, or nobody there: it waits in the queue of `unit`, town or centre."""

    type: ClassVar[str] = "lead.unrouted.v1"
    reason: Literal["no_place", "outside", "no_match", "no_unit"]
    explanation: dict[str, Any] = Field(default_factory=dict)


class LeadSigned(LeadEvent):
    type: ClassVar[str] = "lead.signed.v1"
    on_time: bool


class LeadAccepted(LeadEvent):
    type: ClassVar[str] = "lead.accepted.v1"


class LeadReturned(LeadEvent):
    type: ClassVar[str] = "lead.returned.v1"
    source: str
    returning_unit: str
    reason: str
    proposed_unit: str | None
    count: int


class LeadArbitrationRequested(LeadEvent):
    type: ClassVar[str] = "lead.arbitration_requested.v1"


class LeadArbitrated(LeadEvent):
    type: ClassVar[str] = "lead.arbitrated.v1"
    reason: str
    sign_by: datetime | None = None


class LeadFedBack(LeadEvent):
    type: ClassVar[str] = "lead.fed_back.v1"
    outcome: str


class LeadVerified(LeadEvent):
    type: ClassVar[str] = "lead.verified.v1"


class LeadReworkOrdered(LeadEvent):
    type: ClassVar[str] = "lead.rework_ordered.v1"
    reason: str


class LeadClosed(LeadEvent):
    """`on_time`: closed at or before the time it was due; None where nothing was due."""

    type: ClassVar[str] = "lead.closed.v1"
    due_at: datetime | None
    on_time: bool | None


class LeadDismissed(LeadEvent):
    type: ClassVar[str] = "lead.dismissed.v1"
    reason: str


class SupervisionIssued(Event):
    """`card` for a unit that let a limit pass; `at` is the moment it fell due, not of noticing."""

    type: ClassVar[str] = "supervision.issued.v1"
    supervision_id: UUID
    lead_id: UUID
    community: str | None
    cell: str | None
    unit: str
    card: Card
    stage: Literal["sign"]
    at: datetime

    @property
    def key(self) -> str | None:
        return self.community


class RoutingRulesPublished(Event):
    type: ClassVar[str] = "routing_rules.published.v1"
    rule_set: int
    valid_from: datetime
    rules: tuple[dict[str, Any], ...]


class IncidentReported(Event):
    """What an outside source writes to `civicgrid.intake.<source>`. `sealed` is a JWE for the key
    of this service; text and names outside of it are not taken."""

    type: ClassVar[str] = "incident.reported.v1"
    model_config = ConfigDict(frozen=True, extra="forbid")
    source_number: Annotated[str, Field(min_length=1, max_length=100)]
    lead_type: str
    urgency: Urgency | None = None
    cell: str | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    accuracy_m: Annotated[float, Field(ge=0, le=10_000)] = 0
    reported_at: AwareDatetime
    sequence: int = 1
    sealed_content: str | None = None


class Receipt(Event):
    """The answer to an intake message, on `civicgrid.receipts.<source>` under its number."""

    source: str
    source_number: str | None

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
    codes: tuple[str, ...]
    paths: tuple[str, ...]
