"""Who asks over HTTP, and what of all there is their request may touch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

Belongings = Mapping[str, Iterable[str | None]]
"""What a thing belongs to: by kind, such as the cell it is in, the unit that has it."""


@dataclass(frozen=True)
class Scope:
    """Everything, or what belongs to one of these. Commands are held against it before they are
    decided, rows by the database before they are read."""

    everything: bool = False
    belongings: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def holds(self, thing: Belongings) -> bool:
        return self.everything or any(
            not known.isdisjoint(thing.get(kind, ())) for kind, known in self.belongings.items()
        )

    @cached_property
    def setting(self) -> str:
        """As the function `in_scope` of the database reads it."""
        told = {kind: sorted(known) for kind, known in self.belongings.items()}
        return json.dumps({"everything": self.everything, **told}, sort_keys=True)

    @cached_property
    def digest(self) -> bytes:
        """16 bytes: the same for the same scope."""
        return hashlib.blake2b(self.setting.encode(), digest_size=16).digest()


EVERYTHING = Scope(everything=True)


NOBODY = "nobody"
"""The actor of requests that ask for no account."""


class Caller(NamedTuple):
    """`actor` stands beside each event that follows; `person`: as the registry knows them;
    `session`: that they signed in by. `acting_for`: the posts that give the right, by code;
    `on_grant`: the break-glass grant whose record or area is in the scope besides. `resource`: what
    kind of thing is asked for; reads of it leave a row of audit where `is_personal`. `counted`:
    where a read must say what for, the names of all reads of the service that must."""

    actor: str
    person: UUID | None
    scope: Scope
    session: UUID | None = None
    acting_for: tuple[str, ...] = ()
    on_grant: UUID | None = None
    resource: str = ""
    is_personal: bool = True
    counted: tuple[str, ...] = ()
