"""What mediation answers."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel

from libs.common.http import shown
from services.mediation.domain import case

CaseShown = shown("CaseShown", case.Case, status=case.CaseStatus)


class Centre(BaseModel):
    """`director_ref`: the community officer in post, if there is one."""

    code: str
    name: str
    area: str
    community: str | None
    director_ref: UUID | None
