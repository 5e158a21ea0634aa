"""What callers send: shapes and ranges only, the rules are the domain's."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from libs.common.contracts.mediation import Grade
from libs.common.http import Code, NewTerm


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CaseBody(Body):
    """`id`: a UUID of version 7, made by the client."""

    id: UUID | None = None
    cell: Code


class GradeBody(Body):
    grade: Grade


class ReasonBody(Body):
    reason: NewTerm


class ChildBody(Body):
    """A party under 14, and who acts for them, by random references."""

    party: UUID
    guardian: UUID | None = None


class PanelBody(Body):
    """`consents`: a random reference of every party that agreed to this panel; for one of the
    `children` their guardian did."""

    mediators: tuple[UUID, ...] = Field(min_length=1, max_length=20)
    consents: tuple[UUID, ...] = Field(max_length=200)
    children: tuple[ChildBody, ...] = Field(default=(), max_length=200)


class SessionBody(Body):
    minutes: int = Field(ge=1, le=1440)
