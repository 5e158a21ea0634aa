"""Items of a batch, each taken or refused by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import ValidationError, WrapValidator

T = TypeVar("T")
_FIELD = re.compile("[a-z_][a-z0-9_]{0,39}")
BOUNDS = ("min_length", "max_length", "ge", "gt", "le", "lt", "expected")
"""What pydantic tells of the rule; the rest may be of what was sent."""


@dataclass(frozen=True)
class Faulty:
    """An item that is not of the right form; `errors`: as `fault` tells them."""

    errors: Sequence[Mapping[str, str]]


def _alone(value: Any, validate: Callable[[Any], T]) -> T | Faulty:
    try:
        return validate(value)
    except ValidationError as error:
        return Faulty([fault(one["loc"], one) for one in error.errors()])


def fault(location: Sequence[int | str], error: Mapping[str, Any]) -> Mapping[str, str]:
    """Where and what, and the bounds that were passed. `error`: of pydantic. A field that nobody
    knows is named only where its name could be one of ours: it may be somebody's."""
    told = error.get("ctx", {})
    if error["type"] == "extra_forbidden" and not _FIELD.fullmatch(str(location[-1])):
        location = location[:-1]
    bounds = {name: _listed(told[name]) for name in BOUNDS if name in told}
    return {"path": pointer(location), "code": error["type"], **bounds}


def _listed(bound: object) -> str:
    return f"{bound:g}" if isinstance(bound, float) else str(bound).replace(" or ", ", ")


def pointer(location: Sequence[int | str]) -> str:
    """A JSON Pointer (RFC 6901) to where pydantic found a fault."""
    return "/" + "/".join(map(str, location))


Each: TypeAlias = Annotated[T, WrapValidator(_alone)]
"""`Each[Body]`: that body, or a `Faulty` in its place; no batch is refused for one of its items."""
