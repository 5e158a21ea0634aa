"""Items of a batch, each taken or refused by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import ValidationError, WrapValidator

T = TypeVar("T")


@dataclass(frozen=True)
class Faulty:
    """An item that is not of the right form; `errors`: a path and a code for each fault."""

    errors: Sequence[Mapping[str, str]]


def _alone(value: Any, validate: Callable[[Any], T]) -> T | Faulty:
    try:
        return validate(value)
    except ValidationError as error:
        return Faulty(
            [{"path": pointer(one["loc"]), "code": one["type"]} for one in error.errors()]
        )


def pointer(location: Sequence[int | str]) -> str:
    """A JSON Pointer (RFC 6901) to where pydantic found a fault."""
    return "/" + "/".join(map(str, location))


Each: TypeAlias = Annotated[T, WrapValidator(_alone)]
"""`Each[Body]`: that body, or a `Faulty` in its place; no batch is refused for one of its items."""
