"""One row for each command and each look at what is personal: who, acting for whom, why, which ids
and fields, and what came of it; never the value of a field.

A row is stored in the transaction of what it tells of: with the batch of a command, or before the
answer of a read leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple
from uuid import UUID

from libs.common.messages import Refused
from libs.common.statement import Part

Outcome = Literal["done", "again", "refused", "denied"]

COLUMNS: Mapping[str, str] = {
    "actor": "text",
    "acting_for": "text[]",
    "grant_id": "uuid",
    "action": "text",
    "resource": "text",
    "route": "text",
    "purpose": "text",
    "case_id": "uuid",
    "filters": "text[]",
    "fields": "text[]",
    "ids": "uuid[]",
    "outcome": "text",
    "code": "text",
    "command_id": "uuid",
    "correlation_id": "text",
}


def _list(name: str, kind: str) -> str:
    """Lists come as text: an array of arrays of different lengths is none in SQL."""
    return f"string_to_array(new.{name}, ' ')::{kind}" if kind.endswith("[]") else f"new.{name}"


AUDIT = Part(
    "audit",
    tuple((name, "text" if kind.endswith("[]") else kind) for name, kind in COLUMNS.items()),
    f"INSERT INTO audit ({', '.join(COLUMNS)})"
    f" SELECT {', '.join(_list(*column) for column in COLUMNS.items())} FROM {{rows}} RETURNING 1",
)


class Entry(NamedTuple):
    """What is known of a request when it is taken. `acting_for`, `filters` and `fields` are names
    with a space between; `ids`: of what it names; `code`: why it fails, if that is known already.
    """

    actor: str
    acting_for: str
    grant_id: UUID | None
    action: str
    resource: str
    route: str
    purpose: str | None
    case_id: UUID | None
    filters: str
    correlation_id: str
    fields: str = ""
    ids: tuple[UUID, ...] = ()
    command_id: UUID | None = None
    code: str | None = None

    def row(
        self, outcome: Outcome, code: str | None = None, ids: Iterable[UUID] = ()
    ) -> tuple[Any, ...]:
        """As `AUDIT` inserts it. `ids`: besides those that the request named."""
        return (
            *(self.actor, self.acting_for, self.grant_id, self.action, self.resource, self.route),
            *(self.purpose, self.case_id, self.filters, self.fields),
            " ".join(dict.fromkeys(map(str, (*self.ids, *ids)))),
            *(outcome, code, self.command_id, self.correlation_id),
        )


def failed(refusal: Refused) -> Outcome:
    """Denied is what somebody may not know or do; all else was asked wrongly."""
    return "denied" if refusal.status in (401, 403, 404) else "refused"
