"""Every answer of a city in tests, held against what its contract says of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import httpx
import jsonschema_rs

from cli import contracts
from cli.city import SERVICES

Key = tuple[str, str, str]
"""Method, path as the contract writes it, status."""


async def hold(response: httpx.Response) -> None:
    """Raises AssertionError where it is no answer that was promised, or holds a field that is not
    in the contract."""
    request = response.request
    key = (request.method.lower(), request.url.path, str(response.status_code))
    for pattern, validator in _promised(key[0], key[2]):
        if pattern.fullmatch(key[1]):
            await response.aread()
            told = validator.iter_errors(response.json())
            faults = [f"{one.instance_path}: {one.message}" for one in told]
            assert not faults, (key, faults[:3])
            return


@cache
def _promised(method: str, status: str) -> tuple[tuple[re.Pattern[str], Any], ...]:
    """A path without a variable comes before one that it fits."""
    found = [one for document in _documents() for one in _schemas(document, method, status)]
    found.sort(key=lambda one: one[0].count("{"))
    return tuple((_pattern(path), _validator(schema)) for path, schema in found)


@cache
def _documents() -> Sequence[Mapping[str, Any]]:
    """Two seconds of work."""
    return [contracts.openapi(service) for service in SERVICES]


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", path))


def _validator(schema: dict[str, Any]) -> Any:
    return jsonschema_rs.validator_for(schema, validate_formats=True)


def _schemas(
    document: Mapping[str, Any], method: str, status: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    components = {"schemas": {n: _closed(s) for n, s in document["components"]["schemas"].items()}}
    for path, route in document["paths"].items():
        answer = route.get(method, {}).get("responses", {}).get(status, {})
        told = answer.get("content", {}).get("application/json", {}).get("schema", {})
        if told:
            yield path, {**told, "components": components}


def _closed(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fields may be added to what is promised; what is answered today has no other."""
    open_to = "additionalProperties" in schema or "properties" not in schema
    return schema if open_to else {**schema, "additionalProperties": False}
