"""The rights file names every route, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import pytest
import yaml

from cli.city import SERVICES
from libs.common.contracts.registry import LaterRole
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
        "  - {do: [a], of: lead, hidden: [nobody_knows], who: {}}",
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
        "a role it is hidden from",
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


LATER: Mapping[str, Mapping[str, set[str]]] = {
    "privacy_officer": {
        "registry": {
            *("file_request", "decide_request", "carry_out", "list_requests", "show_request"),
            *("hold_subject", "release_subject"),
        },
        "leads": {"show_lead", "list_reviews", "keep_content"},
        "alerts": {"list_alerts", "show_alert", "list_notifications", "acknowledge"},
        "mediation": {"show_case"},
        "portal": {"list_break_glass", "show_break_glass", "review_access"},
    },
    "assessor": {
        "scoring": {"list_scores", "show_score", "list_schemes", "show_scheme", "evaluate_scheme"}
    },
    "system_admin": {},
    "integrator": {},
}


@pytest.mark.parametrize("role", get_args(LaterRole))
def test_a_role_that_came_later_may_do_what_its_work_needs_and_nothing_else(role: str) -> None:
    found = {
        service: {name for name, action in actions.items() if role in action.rights}
        for service, actions in RIGHTS.items()
    }
    assert {service: names for service, names in found.items() if names} == LATER[role]


def test_nobody_stands_in_for_the_privacy_officer() -> None:
    reviewing = RIGHTS["portal"]["review_access"].rights
    for name in LATER["privacy_officer"]["registry"]:
        assert RIGHTS["registry"][name].rights.keys() == {"privacy_officer"}
    assert reviewing.keys() == {"privacy_officer"}


def test_neither_assessors_nor_administrators_nor_integrators_see_what_is_personal() -> None:
    for role in ("assessor", "system_admin", "integrator"):
        for actions in RIGHTS.values():
            assert not [one for one in actions.values() if role in one.rights and one.is_personal]


def test_only_informants_do_without_a_second_factor() -> None:
    assert {"grid_informant"} == policy.PLAIN
