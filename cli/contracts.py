"""What we promise to others, made from the code: JSON Schemas, OpenAPI 3.1, AsyncAPI 3.0."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from fastapi import FastAPI

from cli.asyncapi import Schema, asyncapi, opened, outside
from cli.ground import ROOT
from libs.common.http import Desk
from libs.common.http.described import described
from libs.common.messages import Event
from libs.common.service import Service

FOLDER = ROOT / "docs" / "contracts"

DIALECT = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
FROM_OUTSIDE = "x-from-outside"
"""In the schema of what outside sources send."""


class BreakingChange(Exception):
    """Who reads or sends what was promised before would fail; the text says where."""


def documents(services: Sequence[Service]) -> Mapping[str, Schema]:
    """All of them, by their path below docs/contracts."""
    found: dict[str, Schema] = {}
    for service in services:
        for event in sorted(set(service.publishes), key=lambda event: event.type):
            found[f"events/{event.type}.json"] = schema(event)
        for event in outside(service, services):
            found[f"events/{event.type}.json"] = received(event)
        found[f"{service.name}/asyncapi.json"] = asyncapi(service, services)
        found[f"{service.name}/openapi.json"] = openapi(service)
    return found


def schema(event: type[Event]) -> Schema:
    """Of what is published: what is sealed does not leave the service."""
    return {**DIALECT, **opened(event.model_json_schema(mode="serialization"), event)}


def received(event: type[Event]) -> Schema:
    """Of what an outside source sends."""
    return {**DIALECT, FROM_OUTSIDE: True, **event.model_json_schema(mode="validation")}


def openapi(service: Service) -> Schema:
    app = FastAPI(title=f"civicgrid {service.name}", version="1")
    nobody = cast(Any, None)
    app.include_router(service.routes(Desk(service.name, nobody, nobody, nobody, nobody, nobody)))
    return described(app)


def write(services: Sequence[Service], folder: Path = FOLDER) -> list[str]:
    """Bring the folder to what the code says; the paths that changed. Raises BreakingChange."""
    changed = []
    for path, document in documents(services).items():
        file = folder / path
        before = json.loads(file.read_text()) if file.exists() else None
        if before == document:
            continue
        if before and path.startswith("events/"):
            faults = list(breaking(before, document))
            if faults:
                raise BreakingChange(f"{path}: {'; '.join(faults)}: raise the version of the type")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text(document))
        changed.append(path)
    return changed


def text(document: Schema) -> str:
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def breaking(before: Schema, after: Schema) -> Iterator[str]:
    """Why who holds to `before` fails with `after`: who sends it, or else who reads it."""
    return refusing(before, after) if FROM_OUTSIDE in before else missing(before, after)


def missing(before: Schema, after: Schema, at: str = "") -> Iterator[str]:
    """What a reader of `before` would miss in `after`: fields, types, values."""
    for name, old in before.get("properties", {}).items():
        new = after.get("properties", {}).get(name)
        if new is None:
            yield f"{at}/{name} is gone"
            continue
        if _type(old) != _type(new):
            yield f"{at}/{name} has another type"
        if name in before.get("required", []) and name not in after.get("required", []):
            yield f"{at}/{name} may be absent now"
        yield from missing(old, new, f"{at}/{name}")
    added = set(after.get("enum", [])) - set(before.get("enum", []))
    if "enum" in before and added:
        yield f"{at} has values that no reader knows: {', '.join(sorted(map(str, added)))}"


def refusing(before: Schema, after: Schema) -> Iterator[str]:
    """What `before` took of a source, and `after` does not."""
    for name, old in before.get("properties", {}).items():
        new = after.get("properties", {}).get(name)
        if new is None:
            yield f"/{name} is taken no more"
            continue
        if _type(old) != _type(new):
            yield f"/{name} has another type"
        if gone := _values(old) - _values(new):
            yield f"/{name} has lost {', '.join(sorted(gone))}"
    for name in set(after.get("required", [])) - set(before.get("required", [])):
        yield f"/{name} is required now"


def _values(schema: Schema) -> set[str]:
    """Those that are named one by one, also where there may be none."""
    parts = (schema, *schema.get("anyOf", ()))
    return {str(value) for part in parts for value in part.get("enum", ())}


def _type(schema: Schema) -> object:
    """Not its format, which says more of what was promised before."""
    told = schema.get("type") or schema.get("$ref")
    return told or sorted(str(_type(one)) for one in schema.get("anyOf", []))


if __name__ == "__main__":
    from cli.city import SERVICES

    for path in write(SERVICES):
        print(path)
