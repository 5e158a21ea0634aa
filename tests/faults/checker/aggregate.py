"""How a state is made of events, once more: a table of steps for each kind of aggregate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.checker.seen import Row


@dataclass(frozen=True)
class Step:
    """`moves`: status before -> status after. `keeps`: fields of the state -> fields of the event.
    `sets`: fields -> values. `adds`: fields of the state that grow by a field of the event. `does`:
    what no table says, to the state in place."""

    moves: Mapping[str, str] | None = None
    keeps: Mapping[str, str] = field(default_factory=dict)
    sets: Mapping[str, Any] = field(default_factory=dict)
    adds: Mapping[str, str] = field(default_factory=dict)
    does: Callable[[Row, Row], None] = lambda state, data: None


@dataclass(frozen=True)
class Aggregate:
    """`described`: fields of the event that stand together in the state under `under`."""

    blank: Mapping[str, Any]
    steps: Mapping[str, Step]
    id: str = "id"
    under: str | None = None
    described: Sequence[str] = ()


def same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


def to(after: str, *before: str) -> dict[str, str]:
    return dict.fromkeys(before, after)


class Illegal(Exception):
    """A step that this state does not allow."""


def fold(aggregate: Aggregate, id: str, events: Sequence[tuple[str, Row]]) -> Row:
    """The state after these (type, data). Raises Illegal."""
    state: Row = {aggregate.id: id, **aggregate.blank}
    for n, (kind, data) in enumerate(events, start=1):
        step = aggregate.steps.get(kind)
        if step is None:
            raise Illegal(f"version {n} is {kind}")
        _take(aggregate, state, step, data, f"{kind} at version {n}")
    return state


def _take(aggregate: Aggregate, state: Row, step: Step, data: Row, what: str) -> None:
    if step.moves is not None:
        before = state["status"]
        if before not in step.moves:
            raise Illegal(f"{what} in state {before!r}")
        state["status"] = step.moves[before]
    for name, told in step.keeps.items():
        state[name] = data[told]
    state.update(step.sets)
    for name, told in step.adds.items():
        more = data[told] if isinstance(data[told], list) else [data[told]]
        state[name] = [*state[name], *more]
    step.does(state, data)
    if aggregate.under:
        state[aggregate.under] = {name: data[name] for name in aggregate.described}
