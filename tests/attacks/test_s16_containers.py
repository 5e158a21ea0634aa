"""S16: what runs in containers may do little there. Read from their files; no engine is needed."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from cli.city import NAMES
from tests.support.servers import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
OURS = (*NAMES, "secrets", "setup", "rotation")
LINES = [line.strip() for line in DOCKERFILE.splitlines() if line.strip()]


@pytest.mark.parametrize("name", OURS)
def test_our_containers_have_no_rights_that_they_do_not_need(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert not {"privileged", "cap_add", "pid", "ipc", "network_mode", "devices", "user"} & set(
        service
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_service_sees_its_secrets_and_changes_none(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["volumes"] and all(one.endswith(":ro") for one in service["volumes"])
    assert ("signing:/tokens:ro" in service["volumes"]) == (name == "portal")
    assert not [one for one in service["volumes"] if one.startswith("superuser")]
    assert "ports" not in service, "only the proxy is reached from outside"


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_nothing_is_open_beyond_this_machine(name: str) -> None:
    service = COMPOSE["services"][name]
    for port in service.get("ports", ()):
        assert port.startswith("127.0.0.1:"), port
    assert "docker.sock" not in str(service.get("volumes", ""))
    assert not service.get("privileged") and service.get("network_mode") != "host"


def test_no_password_is_written_in_the_file() -> None:
    for service in COMPOSE["services"].values():
        for key, value in (service.get("environment") or {}).items():
            if re.search("PASSWORD|SECRET|TOKEN|KEY", key):
                assert str(value).startswith("/"), f"{key}: a path to it"


def test_images_run_as_nobody_special() -> None:
    stages = re.split(r"^FROM .* AS (\w+)$", DOCKERFILE, flags=re.M)
    for name in ("setup", "service"):
        users = re.findall(r"^USER (.*)$", stages[stages.index(name) + 1], re.M)
        assert len(users) == 1 and users[0].isdecimal() and int(users[0]) >= 10_000
    assert not re.search(r"chmod .*(777|[ugo]?\+s)|sudo|setcap", DOCKERFILE)


def test_what_is_built_in_is_what_the_lock_says() -> None:
    installs = [line for line in LINES if "pip install" in line]
    assert installs and all("--require-hashes" in line for line in installs)
    assert not [line for line in LINES if re.match("ADD|.*curl|.*wget|.*apt-get", line)]
