"""The rights file: which role may do what, to things that are what to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from libs.common.contracts.registry import Role

FILE = Path(__file__).with_name("policy.yaml")

Relation = Literal["anywhere", "within", "own", "unit", "self", "granted"]
Anyone = Literal["anyone", "signed_in", "founder"]
Rights = Mapping[str, frozenset[Relation]]
"""Role -> what things must be to it. A role that is not there may not."""

PLAIN: frozenset[Role] = frozenset({"grid_informant"})
"""Roles whose holders need no second factor; all others are none without it (row W15)."""
NOT_POSTS: frozenset[str] = frozenset(get_args(Anyone))
ROLES: frozenset[str] = frozenset(get_args(Role)) | NOT_POSTS


class PolicyError(Exception):
    """The rights file says something that nobody understands."""


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    do: tuple[str, ...]
    who: Mapping[Relation, tuple[str, ...]]


Actions = Mapping[str, Rights]


def read(file: Path = FILE) -> Mapping[str, Actions]:
    """Service -> action -> its rights. Raises PolicyError."""
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    groups = document.pop("groups")
    return {service: _service(rules, groups) for service, rules in document.items()}


def _service(rules: Iterable[object], groups: Mapping[str, Sequence[str]]) -> Actions:
    actions: dict[str, Rights] = {}
    for rule in map(_rule, rules):
        rights = _rights(rule, groups)
        for action in rule.do:
            if action in actions:
                raise PolicyError(f"{action} is named twice")
            actions[action] = rights
    return actions


def _rule(told: object) -> _Rule:
    try:
        return _Rule.model_validate(told)
    except ValidationError as error:
        raise PolicyError(f"{FILE.name}: {error}") from error


def _rights(rule: _Rule, groups: Mapping[str, Sequence[str]]) -> Rights:
    rights: defaultdict[str, set[Relation]] = defaultdict(set)
    for relation, names in rule.who.items():
        for role in _roles(names, groups):
            rights[role].add(relation)
    return {role: frozenset(relations) for role, relations in rights.items()}


def _roles(names: Iterable[str], groups: Mapping[str, Sequence[str]]) -> Iterable[str]:
    for name in names:
        for role in groups.get(name, (name,)):
            if role not in ROLES:
                raise PolicyError(f"{role} is neither a role nor a group")
            yield role
