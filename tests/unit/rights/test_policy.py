"""The rights file names every route, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.city import SERVICES
from libs.common.service import Service
from libs.rights import policy
from libs.rights.policy import PolicyError
from tests.support.routes import routes_of

RIGHTS = policy.read()


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_route_is_in_it_once_and_every_action_is_a_route(service: Service) -> None:
    names = [route.name for route in routes_of(service)]
    assert sorted(names) == sorted(RIGHTS[service.name])


def test_every_service_is_in_it() -> None:
    assert set(RIGHTS) == {service.name for service in SERVICES}


def test_no_route_is_open_to_everybody_but_those_that_let_in() -> None:
    doors = {name for rights in RIGHTS.values() for name in rights if "anyone" in rights[name]}
    by_provider = {"begin_at_provider", "sign_in_by_provider"}
    assert doors == {"sign_in", "refresh_token", "activate_account", *by_provider}


@pytest.mark.parametrize(
    "text",
    [
        "groups: {}\nleads:\n  - {do: [a], who: {within: [nobody_knows]}}",
        "groups: {}\nleads:\n  - {do: [a], who: {sideways: [town_operator]}}",
        "groups: {}\nleads:\n  - {do: [a], who: {own: [founder]}}\n  - {do: [a], who: {}}",
        "groups: {}\nleads:\n  - {do: [a], who: {}, unless: it rains}",
    ],
    ids=["a role", "a relation", "an action twice", "a word"],
)
def test_what_nobody_understands_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    with pytest.raises(PolicyError):
        policy.read(file)
