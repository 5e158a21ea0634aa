"""The rights file names every route, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

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
    doors = {
        name for rights in RIGHTS.values() for name in rights if "anyone" in rights[name].rights
    }
    by_provider = {"begin_at_provider", "sign_in_by_provider"}
    assert doors == {"sign_in", "refresh_token", "activate_account", *by_provider}


@pytest.mark.parametrize(
    "text",
    [
        "  - {do: [a], of: lead, who: {within: [nobody_knows]}}",
        "  - {do: [a], of: lead, who: {sideways: [town_operator]}}",
        "  - {do: [a], of: lead, who: {own: [founder]}}\n  - {do: [a], of: lead, who: {}}",
        "  - {do: [a], of: lead, who: {}, unless: it rains}",
        "  - {do: [a], who: {}}",
        "  - {do: [a], of: dream, who: {}}",
        "  - {do: [a], of: both, who: {}}",
        "  - {do: [a], of: lead, purposes: [curiosity], who: {}}",
    ],
    ids=[
        "a role",
        "a relation",
        "an action twice",
        "a word",
        "no thing",
        "a thing",
        "a thing twice",
        "a purpose",
    ],
)
def test_what_nobody_understands_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "policy.yaml"
    things = "things: {personal: [lead, both], plain: [area, both]}"
    file.write_text(f"groups: {{}}\n{things}\nleads:\n{text}")
    with pytest.raises(PolicyError):
        policy.read(file)


def test_every_thing_that_the_file_describes_is_done_or_shown() -> None:
    told = yaml.safe_load(policy.FILE.read_text())["things"]
    used = {action.thing for actions in RIGHTS.values() for action in actions.values()}
    assert used == {*told["personal"], *told["plain"]}
