"""What was promised to others stands in docs/contracts, and is what the code does."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from cli import contracts
from cli.city import SERVICES
from libs.common.service import Service
from tests.support.servers import ROOT

DOCUMENTS = contracts.documents(SERVICES)


@pytest.mark.parametrize("path", sorted(DOCUMENTS))
def test_the_committed_document_is_the_one_that_the_code_makes(path: str) -> None:
    """`python -m cli.contracts` brings them together."""
    file = contracts.FOLDER / path
    assert file.exists(), path
    assert json.loads(file.read_text()) == DOCUMENTS[path]


def test_nothing_is_promised_that_the_code_does_not_make() -> None:
    there = {str(file.relative_to(contracts.FOLDER)) for file in contracts.FOLDER.rglob("*.json")}
    assert there == set(DOCUMENTS)


def test_no_event_breaks_what_was_committed_before() -> None:
    """Held against the last commit, where there is one."""
    for path, document in DOCUMENTS.items():
        name = f"HEAD:docs/contracts/{path}"
        before = subprocess.run(["git", "show", name], cwd=ROOT, capture_output=True, text=True)
        if path.startswith("events/") and before.returncode == 0:
            assert list(contracts.breaking(json.loads(before.stdout), document)) == []


def test_the_proxy_of_the_containers_leads_to_each_route() -> None:
    config = (ROOT / "deploy" / "nginx" / "civicgrid.conf").read_text()
    locations = re.findall(r"location ~ (\S+) \{ proxy_pass \$(\w+); \}", config)
    for service in SERVICES:
        for path in DOCUMENTS[f"{service.name}/openapi.json"]["paths"]:
            to = {name for pattern, name in locations if re.match(pattern, path)}
            assert to == {service.name}, path


@pytest.mark.parametrize("service", SERVICES, ids=lambda one: one.name)
def test_a_status_is_asked_for_by_one_of_those_that_there_are(service: Service) -> None:
    for path, route in DOCUMENTS[f"{service.name}/openapi.json"]["paths"].items():
        for parameter in route.get("get", {}).get("parameters", ()):
            if parameter["name"] == "status":
                schema = parameter["schema"]
                assert any("enum" in one for one in (schema, *schema.get("anyOf", ()))), path


OLD: dict[str, Any] = {
    "properties": {"at": {"type": "string"}, "kind": {"type": "string", "enum": ["a", "b"]}},
    "required": ["at"],
}


@pytest.mark.parametrize(
    ("new", "faults"),
    [
        (OLD, 0),
        (OLD | {"properties": {**OLD["properties"], "more": {"type": "integer"}}}, 0),
        (OLD | {"properties": {"kind": OLD["properties"]["kind"]}}, 1),
        (OLD | {"properties": {**OLD["properties"], "at": {"type": "integer"}}}, 1),
        (OLD | {"required": []}, 1),
    ],
)
def test_a_change_breaks_readers_or_it_does_not(new: dict[str, Any], faults: int) -> None:
    assert len(list(contracts.breaking(OLD, new))) == faults


SENT: dict[str, Any] = {
    contracts.FROM_OUTSIDE: True,
    "properties": {
        "at": {"type": "string"},
        "kind": {"anyOf": [{"enum": ["a"]}, {"type": "null"}]},
    },
    "required": ["at"],
}


@pytest.mark.parametrize(
    ("new", "faults"),
    [
        (SENT, 0),
        (SENT | {"properties": {**SENT["properties"], "more": {"type": "integer"}}}, 0),
        (SENT | {"required": []}, 0),
        (SENT | {"required": ["at", "kind"]}, 1),
        (SENT | {"properties": {"at": SENT["properties"]["at"]}}, 1),
        (SENT | {"properties": {**SENT["properties"], "kind": {"anyOf": [{"enum": ["b"]}]}}}, 2),
    ],
)
def test_a_change_refuses_sources_or_it_does_not(new: dict[str, Any], faults: int) -> None:
    assert len(list(contracts.breaking(SENT, new))) == faults


@pytest.mark.parametrize("service", SERVICES, ids=lambda one: one.name)
def test_whatever_a_service_receives_is_described(service: Service) -> None:
    document = DOCUMENTS[f"{service.name}/asyncapi.json"]
    operations = document["operations"]
    assert {name for name, one in operations.items() if one["action"] == "receive"} == {
        f"receive.{kind}" for kind in service.reads
    }
    known = {f"../{path}" for path in DOCUMENTS}
    for name, message in document["components"]["messages"].items():
        headers = message["headers"]["$ref"].rpartition("/")[2]
        assert headers in document["components"]["schemas"], name
        file = message["payload"]["$ref"]
        assert file.startswith("#/components/schemas/") or file in known, file
    for channel in document["channels"].values():
        named = set(re.findall(r"\{(\w+)\}", channel["address"]))
        assert named == channel.get("parameters", {}).keys()


def test_an_outside_source_finds_its_topic_and_what_to_send() -> None:
    channel = DOCUMENTS["leads/asyncapi.json"]["channels"]["receive.incident.reported.v1"]
    assert channel["address"] == "civicgrid.intake.{source}"
    told = DOCUMENTS["events/incident.reported.v1.json"]
    assert set(told["required"]) == {"source_number", "lead_type", "reported_at"}
    assert told["properties"]["source_number"]["maxLength"] == 100


def test_what_is_sealed_is_in_no_schema() -> None:
    text = json.dumps({path: one for path, one in DOCUMENTS.items() if "asyncapi" in path})
    properties = DOCUMENTS["events/lead.captured.v1.json"]["properties"]
    assert not {"text", "reporter", "point"} & properties.keys()
    assert '"reporter"' not in text


def test_asyncapi_and_openapi_are_of_their_versions() -> None:
    for service in SERVICES:
        assert DOCUMENTS[f"{service.name}/asyncapi.json"]["asyncapi"] == "3.0.0"
        assert DOCUMENTS[f"{service.name}/openapi.json"]["openapi"].startswith("3.1")
