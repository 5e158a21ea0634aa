"""Read models of the registry's own events: the facts that others copy, and how areas were."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from libs.city import COPIES
from libs.common.contracts.registry import AreaChanged, AreaClosed, AreaOpened
from libs.common.messages import Envelope
from libs.common.projections import Log, Projection


def _described(event: AreaOpened, envelope: Envelope) -> Iterable[Sequence[Any]]:
    closed = isinstance(event, AreaClosed)
    since = event.valid_to if isinstance(event, AreaClosed) else event.valid_from
    row = (event.code, envelope.version, since, closed, event.name, event.level, event.parent)
    more = (event.kind, event.community, event.households, event.polygon is not None)
    yield (*row, *more, envelope.time)


AREA_HISTORY = Log(
    "area_history",
    key=("code", "version"),
    columns={
        "code": "text",
        "version": "int",
        "since": "timestamptz",
        "closed": "boolean",
        "name": "text",
        "level": "text",
        "parent": "text",
        "kind": "text",
        "community": "text",
        "households": "int",
        "has_polygon": "boolean",
        "recorded_at": "timestamptz",
    },
    on={AreaOpened: _described, AreaChanged: _described, AreaClosed: _described},
)

PROJECTIONS: tuple[Projection, ...] = (*COPIES, AREA_HISTORY)
