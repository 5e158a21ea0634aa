"""The interface as OpenAPI 3.1 tells it: what FastAPI knows of routes, and what all of them do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from libs.common.http.problems import MEDIA_TYPE
from libs.common.http.requests import CASE, PURPOSE

KEEPS_NOTHING: dict[str, Any] = {"x-keeps-nothing": True}
"""The `openapi_extra` of a POST whose answer is not kept for a second, and that changes no version
that a client has seen."""
DOOR: dict[str, Any] = {"security": [], **KEEPS_NOTHING}
"""Of one that needs no token."""
MAY_MATCH: dict[str, Any] = {"x-if-match": "optional"}
"""Of a POST without an id in its path that If-Match may bind to a version all the same."""
FOR_A_PURPOSE: dict[str, Any] = {"x-purpose": "required"}
"""Of a read that must say what for: its action has `purposes` in the rights file."""

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "stable; names the text"},
        "detail": {"type": "string", "description": "in the language of the caller"},
        "path": {"type": "string", "description": "JSON Pointer to what is to blame"},
        "allowed": {"type": "array", "items": {"type": "string"}},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "code", "message"],
                "properties": {name: {"type": "string"} for name in ("path", "code", "message")},
            },
        },
    },
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "the ETag of the version that is changed, or * for any",
    "schema": {"anyOf": [{"const": "*"}, {"type": "string", "pattern": '^"[0-9]{1,9}"$'}]},
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "with the same key and body, the first answer again",
    "schema": {"type": "string", "pattern": r"^[\x21-\x7e]{1,200}$"},
}
_REASON = [
    {
        "name": PURPOSE,
        "in": "header",
        "required": True,
        "description": "what this is for: a code of the register of purposes",
        "schema": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$"},
    },
    {
        "name": CASE,
        "in": "header",
        "required": True,
        "description": "the open case at hand",
        "schema": {"type": "string", "format": "uuid"},
    },
]
_EVERY = (401, 403, 404, 422, 429, 503)
_BODY = (400, 408, 413, 415)
_COMMAND = (400, 409)
_CHANGE = (412, 428)


def described(app: FastAPI) -> dict[str, Any]:
    """The document of all routes of `app`."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        routes=app.routes,
        separate_input_output_schemas=False,
    )
    for method, path, operation in _operations(document):
        _tell(operation, method, path)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = PROBLEM
    components["responses"] = {
        "Problem": _response("a problem (RFC 9457)"),
        "Unknown": _response("nobody is known by this token", "WWW-Authenticate"),
        "Later": _response("not now", "Retry-After"),
    }
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"bearer": []}]
    return document


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield method, path, operation


def _tell(operation: dict[str, Any], method: str, path: str) -> None:
    is_command = method != "get" and "x-keeps-nothing" not in operation
    is_change = is_command and "{" in path
    responses = operation["responses"]
    headers: list[dict[str, Any]] = []
    for answer in responses.values():
        for content in answer.get("content", {}).values():
            if named := content["schema"].get("$ref"):
                content["schema"] = {"$ref": named}  # beside it stands what the function returns
    if is_command and "201" in responses:
        responses["200"] = {**responses["201"], "description": "The first answer again"}
    statuses = {*_EVERY, *(_BODY if "requestBody" in operation else ())}
    if is_command:
        statuses.update(_COMMAND)
        headers.append(_IDEMPOTENCY_KEY)
    if is_change or "x-if-match" in operation:
        statuses.update(_CHANGE)
        headers.append({**_IF_MATCH, "required": is_change})
    if "x-purpose" in operation:
        headers += _REASON
    if headers:
        operation["parameters"] = [*operation.get("parameters", ()), *headers]
    for status in sorted(statuses):
        responses[str(status)] = {"$ref": f"#/components/responses/{_kind(status)}"}


def _kind(status: int) -> str:
    return {401: "Unknown", 429: "Later", 503: "Later"}.get(status, "Problem")


def _response(description: str, header: str | None = None) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    told: dict[str, Any] = {"description": description, "content": content}
    if header:
        told["headers"] = {header: {"required": True, "schema": {"type": "string"}}}
    return told
