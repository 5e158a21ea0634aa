"""What leads answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from libs.common.contracts.leads import Kind, Urgency
from libs.common.contracts.registry import OrganisationKind
from libs.common.http import OR_ABSENT, shown
from services.leads.domain import lead, retention, supervision
from services.leads.domain.routing import Rule
from services.leads.domain.transitions import LeadStatus

LeadShown = shown("LeadShown", lead.Lead, hidden=("captured_by", "explanation"), status=LeadStatus)
LeadExplained = shown("LeadExplained", lead.Lead, hidden=("captured_by",), status=LeadStatus)


class LeadMasked(BaseModel):
    """An open lead of a neighbour, near the border. `point`: longitude and latitude, WGS 84, of the
    centre of its cell, whatever was told; `masked`: fields that it has, and that are not shown."""

    id: UUID
    version: int
    status: LeadStatus
    community: str | None
    cell: str
    lead_type: str
    kind: Kind
    urgency: Urgency
    received_at: datetime
    point: tuple[float, float] = OR_ABSENT
    masked: list[str]


Supervision = shown("Supervision", supervision.Supervision)
Review = shown("Review", retention.RetentionReview, status=retention.OpenStatus)


class Placed(BaseModel):
    """A lead that was captured, and where it went; `candidates`: communities to choose from, near a
    border. The `id` alone where it was known already."""

    id: UUID
    version: int = OR_ABSENT
    state: LeadStatus = OR_ABSENT
    kind: Kind = OR_ABSENT
    cell: str | None = OR_ABSENT
    candidates: list[str] = OR_ABSENT
    unit: str = OR_ABSENT
    unit_kind: OrganisationKind = OR_ABSENT
    police_room: str | None = OR_ABSENT


class Losing(BaseModel):
    rule: str
    why: str


class Explained(BaseModel):
    """`inputs`: what the rules were given; `losing`: those before the winner. Neither before it was
    routed."""

    unit: str | None
    status: LeadStatus
    rule_set: int = OR_ABSENT
    inputs: dict[str, Any] = OR_ABSENT
    losing: list[Losing] = OR_ABSENT


class GuardianShown(BaseModel):
    name: str
    phone: str = OR_ABSENT


class ReporterShown(BaseModel):
    """Of a child, who answers for them."""

    name: str = OR_ABSENT
    phone: str = OR_ABSENT
    guardian: GuardianShown = OR_ABSENT


class Content(BaseModel):
    """What is known still of what was told."""

    id: UUID
    text: str | None = OR_ABSENT
    reporter: ReporterShown | None = OR_ABSENT
    point: list[float] | None = OR_ABSENT
    note: str | None = OR_ABSENT


class Published(BaseModel):
    rule_set: int
    valid_from: datetime


class Rules(BaseModel):
    version: int
    assessment: str | None = OR_ABSENT
    rules: list[Rule]


class RulesInForce(Rules):
    """`published`: the versions that there are, the newest first."""

    published: list[Published]
