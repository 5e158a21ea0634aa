"""One command as HTTP brings it, what a row of audit says of it, and what it is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from libs.common.audit import Entry
from libs.common.messages import Cause, Context, Decider, Effect, Envelope, Refused
from libs.common.work import Answered, Work

Answer = Callable[[Sequence[Envelope]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Item:
    """One command of a batch, with its own id and its own answer. `about`: what it is about besides
    what it names, such as the record of which its subject is a party."""

    plan: Callable[[Context[Any]], Iterable[Effect]]
    body: BaseModel | None = None
    id: UUID | None = None
    answer: Answer | None = None
    about: tuple[UUID, ...] = ()


def entry_of_item(entry: Entry, item: Item, cause: Cause) -> Entry:
    """`entry`: of its request. It holds the ids that the body names, such as that of the record
    which is to be erased, or of all who are to sit on a panel."""
    names = sorted(item.body.model_fields_set) if item.body else []
    told = {name: getattr(item.body, name) for name in names}
    values = (value if isinstance(value, tuple) else (value,) for value in told.values())
    named = [one for each in values for one in each if isinstance(one, UUID)]
    return entry._replace(
        fields=" ".join(told),
        ids=(*entry.ids, *filter(None, (item.id,)), *named, *item.about),
        command_id=cause.id,
        correlation_id=cause.correlation_id,
    )


def first_aggregate(events: Sequence[Envelope]) -> Mapping[str, Any]:
    """The aggregate that changed first, and its version now; nothing where nothing changed."""
    if not events:
        return {}
    id = events[0].subject
    version = max(event.version for event in events if event.subject == id)
    return {"id": str(id), "version": version}


def version_of(decider: Decider[Any, Any, Any], id: UUID) -> Answer:
    """Of this aggregate, and its version now: what follows may be of another with the same id, as
    what is asked of a subject has; nothing where nothing changed."""

    def answer(events: Sequence[Envelope]) -> Mapping[str, Any]:
        own = [one for one in events if one.subject == id and isinstance(one.event, decider.events)]
        return {"id": str(id), "version": own[-1].version} if own else {}

    return answer


def answered_by(work: Work) -> Answered:
    """Raises Refused."""
    if isinstance(work.result, Refused):
        raise work.result
    assert isinstance(work.result, Answered), work.result
    return work.result
