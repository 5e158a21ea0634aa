"""The rights file: which role may do what, to things that are what to it; which of these things are
personal, and which of them nobody sees without saying what for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from libs.common.contracts.registry import Role
from libs.common.files import read_yaml
from libs.privacy.register import registered

M = TypeVar("M", bound=BaseModel)

FILE = Path(__file__).with_name("policy.yaml")

Relation = Literal["anywhere", "within", "own", "unit", "self", "granted", "neighbour"]
Anyone = Literal["anyone", "signed_in", "founder"]
Rights = Mapping[str, frozenset[Relation]]
"""Role -> what things must be to it. A role that is not there may not."""

PLAIN: frozenset[Role] = frozenset({"grid_informant"})
"""Roles whose holders need no second factor; all others are none without it (row W15)."""
NOT_POSTS: frozenset[str] = frozenset(get_args(Anyone))
ROLES: frozenset[str] = frozenset(get_args(Role)) | NOT_POSTS


EVERYBODY: frozenset[str] = frozenset({"signed_in"})
"""Who signed in is that, whatever else they are."""


class PolicyError(Exception):
    """The rights file says something that nobody understands."""


class Action(NamedTuple):
    """`thing`: what kind of thing it is done to, or shows. `purposes`: of which a request must say
    one, and the case at hand; none: it need not. `hidden_to`: roles to which it is not there, where
    they may not."""

    rights: Rights
    thing: str
    is_personal: bool
    purposes: frozenset[str] = frozenset()
    hidden_to: frozenset[str] = frozenset()


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    do: tuple[str, ...]
    of: str
    purposes: frozenset[str] = frozenset()
    hidden: bool | tuple[str, ...] = ()
    who: Mapping[Relation, tuple[str, ...]]


class _Things(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    personal: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()

    def is_personal(self, thing: str) -> bool:
        """Raises PolicyError for one of which the file does not say, or says both."""
        if (thing in self.personal) == (thing in self.plain):
            raise PolicyError(f"{thing} is either personal or plain: the file must say which")
        return thing in self.personal


Actions = Mapping[str, Action]


def read(file: Path = FILE) -> Mapping[str, Actions]:
    """Service -> its actions by name. Raises PolicyError."""
    document = read_yaml(file)
    groups, things = document.pop("groups"), _parsed(_Things, document.pop("things"))
    return {service: _service(rules, groups, things) for service, rules in document.items()}


def _service(
    rules: Iterable[object], groups: Mapping[str, Sequence[str]], things: _Things
) -> Actions:
    actions: dict[str, Action] = {}
    for rule in (_parsed(_Rule, told) for told in rules):
        if unknown := rule.purposes - registered().purposes.keys():
            raise PolicyError(f"the register knows no purpose {min(unknown)}")
        is_personal = things.is_personal(rule.of)
        rights = _rights(rule, groups)
        hidden_to = _hidden_to(rule, groups)
        action = Action(rights, rule.of, is_personal, rule.purposes, hidden_to)
        for name in rule.do:
            if name in actions:
                raise PolicyError(f"{name} is named twice")
            actions[name] = action
    return actions


def _parsed(model: type[M], told: object) -> M:
    try:
        return model.model_validate(told)
    except ValidationError as error:
        raise PolicyError(f"{FILE.name}: {error}") from error


def _rights(rule: _Rule, groups: Mapping[str, Sequence[str]]) -> Rights:
    rights: defaultdict[str, set[Relation]] = defaultdict(set)
    for relation, names in rule.who.items():
        for role in _roles(names, groups):
            rights[role].add(relation)
    return {role: frozenset(relations) for role, relations in rights.items()}


def _hidden_to(rule: _Rule, groups: Mapping[str, Sequence[str]]) -> frozenset[str]:
    if isinstance(rule.hidden, bool):
        return EVERYBODY if rule.hidden else frozenset()
    return frozenset(_roles(rule.hidden, groups))


def _roles(names: Iterable[str], groups: Mapping[str, Sequence[str]]) -> Iterable[str]:
    for name in names:
        for role in groups.get(name, (name,)):
            if role not in ROLES:
                raise PolicyError(f"{role} is neither a role nor a group")
            yield role
