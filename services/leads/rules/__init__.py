"""Data that comes with the service: types of leads, and routing rules to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

from libs.common.contracts.leads import Kind, Urgency
from libs.common.files import read_yaml
from services.leads.domain.routing import Limit, RuleSet

FOLDER = Path(__file__).parent


class LeadType(BaseModel):
    """`limit`: within what a lead of this type must be closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    code: str
    kind: Kind
    urgency: Urgency
    limit: Limit
    zh: str
    en: str


def _load(name: str) -> object:
    return read_yaml(FOLDER / name)


ROUTING: RuleSet = RuleSet.model_validate(_load("routing.yaml"))
LEAD_TYPES: Mapping[str, LeadType] = {
    one.code: one
    for one in TypeAdapter(tuple[LeadType, ...]).validate_python(_load("lead_types.yaml"))
}
