"""S2: what a caller may not set is no field; nothing of a request that has one is kept."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from fastapi.routing import APIRoute

from cli.city import SERVICES
from libs.rights import policy
from tests.support.routes import routes_of
from tests.support.town import Town

MASS = {
    "role": "command_operator",
    "grid_id": "x",
    "status": "closed",
    "score": 100,
    "created_by": str(uuid4()),
    "version": 1,
    "legal_basis": "none",
    "is_deleted": True,
    "recorded_at": "2026-01-01T00:00:00Z",
    "actor": "system",
    "__proto__": {},
}
ROUTES = [
    (service.name, route)
    for service in SERVICES
    for route in routes_of(service)
    if route.body_field and "anyone" not in route.name
]
COUNTS = "SELECT (SELECT count(*) FROM event) AS events, (SELECT count(*) FROM request) AS requests"


@pytest.mark.parametrize(
    ("service", "route"), ROUTES, ids=[f"{name}-{route.name}" for name, route in ROUTES]
)
async def test_a_field_that_nobody_may_set_is_refused(
    town: Town, service: str, route: APIRoute
) -> None:
    before = await town.rows(service, COUNTS)
    path = route.path_format.format(id=uuid4(), code="x")
    verb = next(iter(route.methods or ()))
    body = {"items": [MASS]} if route.path.endswith(("/batch", "/import")) else MASS
    there = town.acting(policy.read()[service][route.name].rights)
    answer = await there.client.request(verb, path, json=body)
    told = _problem(answer.json()) if "items" in body else answer.json()
    assert told["status"] == 422, answer.text
    refused = {one["path"] for one in told["errors"] if one["code"] == "extra_forbidden"}
    own = set(_fields(route))
    assert {f"/{name}" for name in MASS.keys() - own} == {
        path.removeprefix("/items/0") for path in refused
    }
    assert await town.rows(service, COUNTS) == before


def _problem(answer: Any) -> dict[str, Any]:
    """Of the one item, or of all of them."""
    if "items" in answer:
        problem: dict[str, Any] = answer["items"][0]["problem"]
        return problem
    return dict(answer)


def _fields(route: APIRoute) -> set[str]:
    """Those that are its own, after all."""
    assert route.body_field
    schema = route.body_field.field_info.annotation.model_json_schema()  # type: ignore[union-attr]
    inner = schema["properties"].get("items", {}).get("items", {}).get("$ref")
    if inner:
        schema = schema["$defs"][inner.rpartition("/")[2]]
    return set(schema["properties"])
