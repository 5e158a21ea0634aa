"""A post: a seat with duties in an area, for one person at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, assert_never
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.contracts.registry import (
    LATER_ROLES,
    PostAbolished,
    PostAbolishedV2,
    PostEstablished,
    PostEstablishedV2,
    Role,
)
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
Facts = PostEstablished | PostAbolished | PostEstablishedV2 | PostAbolishedV2


def decide(post: Post, command: Command) -> list[Facts]:
    match command:
        case EstablishPost(description):
            if post.description is None:
                return [_established(post, description)]
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
            return [_abolished(post, post.description)]
        case _:
            assert_never(command)


def _established(post: Post, description: Description) -> Facts:
    event = PostEstablishedV2 if description.role in LATER_ROLES else PostEstablished
    return event(**_told(post, description))


def _abolished(post: Post, description: Description) -> Facts:
    event = PostAbolishedV2 if description.role in LATER_ROLES else PostAbolished
    return event(**_told(post, description))


def _told(post: Post, description: Description) -> dict[str, Any]:
    fields = {name: getattr(description, name) for name in Description.__slots__}
    return {"post_id": post.post_id, **fields}


def evolve(post: Post, event: Facts) -> Post:
    fields = {name: getattr(event, name) for name in Description.__slots__}
    abolished = isinstance(event, PostAbolished | PostAbolishedV2)
    return replace(post, description=Description(**fields), abolished=abolished)


POST: Decider[Post, Command, Facts] = Decider(
    name="post",
    blank=Post,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(Post),
    events=(PostEstablished, PostAbolished, PostEstablishedV2, PostAbolishedV2),
)
