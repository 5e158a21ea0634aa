"""What routes answer, for the documents: models of what is stored, as it is shown. Nothing is made
or checked by them when a request comes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Any, TypeAlias, get_type_hints
from uuid import UUID

from pydantic import BaseModel, Field, RootModel, WithJsonSchema, create_model

from libs.common.http.described import PROBLEM

Model: TypeAlias = type[BaseModel]
Answers: TypeAlias = dict[int | str, dict[str, Any]]

_ETAG = {"description": "the version, for If-Match", "schema": {"type": "string"}}


def _without_default(told: dict[str, Any]) -> None:
    told.pop("default", None)


OR_ABSENT: Any = Field(default=None, json_schema_extra=_without_default)
"""Of a field that is not always there; where it is, it is never null for that."""
_Problem = Annotated[dict[str, Any], WithJsonSchema(PROBLEM)]


class Changed(BaseModel):
    """What was changed, and its version now; empty where nothing changed."""

    id: UUID = OR_ABSENT
    version: int = OR_ABSENT


class Happened(BaseModel):
    """`data`: as the schema of the type says."""

    version: int
    type: str
    actor: str
    recorded_at: datetime
    data: dict[str, Any]


class Story(BaseModel):
    items: list[Happened]


def shown(name: str, state: type, *, hidden: Collection[str] = (), **more: Any) -> Model:
    """Fields of a state, but for those that are hidden, with its version; `more`: what is shown
    besides, or otherwise than it is stored."""
    fields = {one: kind for one, kind in get_type_hints(state).items() if one not in hidden}
    told = {one: (kind, ...) for one, kind in (fields | {"version": int} | more).items()}
    return create_model(name, **told)  # type: ignore[call-overload,no-any-return]


def page(of: Model) -> Model:
    """`next`: the value of `after` for the next one, if there is one."""
    fields: Any = {"items": (list[of], ...), "next": (str | None, ...)}  # type: ignore[valid-type]
    return create_model(f"{of.__name__}Page", **fields)


def either(model: Model, other: Model) -> Model:
    """What is answered to some, and to others."""
    name = f"{model.__name__}Or{other.__name__}"
    return create_model(name, __base__=RootModel[model | other])  # type: ignore[valid-type]


def batch(of: Model) -> Model:
    """For each item its status, with its answer or its problem."""
    fields: Any = {name: (one.annotation, OR_ABSENT) for name, one in of.model_fields.items()}
    told: Any = {"status": (int, ...), "problem": (_Problem, OR_ABSENT)}
    item = create_model(f"{of.__name__}Item", **told, **fields)
    return create_model(f"{of.__name__}Batch", items=(list[item], ...))  # type: ignore[valid-type]


def answers(model: Model, status: int = 200, *, etag: bool = False) -> Answers:
    """The `responses` of a route."""
    told: dict[str, Any] = {"model": model}
    return {status: told | ({"headers": {"ETag": _ETAG}} if etag else {})}


CHANGED: Answers = answers(Changed, etag=True)
