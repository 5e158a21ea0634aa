"""An organisation: an office that serves one area."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, assert_never
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.contracts.registry import (
    OrganisationChanged,
    OrganisationClosed,
    OrganisationKind,
    OrganisationRegistered,
)
from libs.common.messages import Decider, Refused


@dataclass(frozen=True, slots=True)
class Description:
    code: str
    name: str
    kind: OrganisationKind
    area: str
    community: str | None = None


@dataclass(frozen=True, slots=True)
class Organisation:
    organisation_id: UUID
    description: Description | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True)
class RegisterOrganisation:
    """Told again with other content, it is a change."""

    description: Description


@dataclass(frozen=True, slots=True)
class ChangeOrganisation:
    description: Description


@dataclass(frozen=True, slots=True)
class CloseOrganisation:
    pass


Command = RegisterOrganisation | ChangeOrganisation | CloseOrganisation
Facts = OrganisationRegistered | OrganisationChanged | OrganisationClosed


def decide(organisation: Organisation, command: Command) -> list[Facts]:
    match command:
        case RegisterOrganisation(description):
            if organisation.description is None:
                return [OrganisationRegistered(**_told(organisation, description))]
            return _change(organisation, description)
        case ChangeOrganisation(description):
            return _change(organisation, description)
        case CloseOrganisation():
            if organisation.description is None:
                raise Refused("not_found", status=404)
            if organisation.closed:
                return []
            return [OrganisationClosed(**_told(organisation, organisation.description))]
        case _:
            assert_never(command)


def _change(organisation: Organisation, description: Description) -> list[Facts]:
    if organisation.description is None:
        raise Refused("not_found", status=404)
    if organisation.closed:
        raise Refused("illegal_transition", allowed=())
    if organisation.description == description:
        return []
    return [OrganisationChanged(**_told(organisation, description))]


def _told(organisation: Organisation, description: Description) -> dict[str, Any]:
    fields = {name: getattr(description, name) for name in Description.__slots__}
    return {"organisation_id": organisation.organisation_id, **fields}


def evolve(organisation: Organisation, event: Facts) -> Organisation:
    fields = {name: getattr(event, name) for name in Description.__slots__}
    closed = isinstance(event, OrganisationClosed)
    return replace(organisation, description=Description(**fields), closed=closed)


ORGANISATION = Decider(
    name="organisation",
    blank=Organisation,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(Organisation),
    events=(OrganisationRegistered, OrganisationChanged, OrganisationClosed),
)
