"""A post: a seat with duties in an area, for one person at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, assert_never
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.contracts.registry import PostAbolished, PostEstablished, Role
from libs.common.messages import Decider, Refused


@dataclass(frozen=True, slots=True)
class Description:
    code: str
    role: Role
    area: str
    organisation: str | None = None
    community: str | None = None


@dataclass(frozen=True, slots=True)
class Post:
    post_id: UUID
    description: Description | None = None
    abolished: bool = False


@dataclass(frozen=True, slots=True)
class EstablishPost:
    description: Description


@dataclass(frozen=True, slots=True)
class AbolishPost:
    """`held`: whether somebody holds it."""

    held: bool


Command = EstablishPost | AbolishPost
Facts = PostEstablished | PostAbolished


def decide(post: Post, command: Command) -> list[Facts]:
    match command:
        case EstablishPost(description):
            if post.description is None:
                return [PostEstablished(**_told(post, description))]
            if post.description == description and not post.abolished:
                return []
            raise Refused("illegal_transition", allowed=() if post.abolished else ("abolish_post",))
        case AbolishPost(held):
            if post.description is None:
                raise Refused("not_found", status=404)
            if post.abolished:
                return []
            if held:
                raise Refused("post_held")
            return [PostAbolished(**_told(post, post.description))]
        case _:
            assert_never(command)


def _told(post: Post, description: Description) -> dict[str, Any]:
    fields = {name: getattr(description, name) for name in Description.__slots__}
    return {"post_id": post.post_id, **fields}


def evolve(post: Post, event: Facts) -> Post:
    fields = {name: getattr(event, name) for name in Description.__slots__}
    abolished = isinstance(event, PostAbolished)
    return replace(post, description=Description(**fields), abolished=abolished)


POST = Decider(
    name="post",
    blank=Post,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(Post),
    events=(PostEstablished, PostAbolished),
)
