"""What we promise to others, made from the code: JSON Schemas, OpenAPI 3.1, AsyncAPI 3.0."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from fastapi import FastAPI
from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI

from cli.ground import ROOT
from libs.common.contracts.audit import TOPIC, AuditAnchored
from libs.common.http import Desk
from libs.common.http.described import described
from libs.common.messages import Event
from libs.common.service import Service

FOLDER = ROOT / "docs" / "contracts"

Schema = dict[str, Any]


class BreakingChange(Exception):
    """A reader of what was promised before would fail; the text says where."""


def documents(services: Sequence[Service]) -> Mapping[str, Schema]:
    """All of them, by their path below docs/contracts."""
    found: dict[str, Schema] = {}
    for service in services:
        for event in sorted(set(service.publishes), key=lambda event: event.type):
            found[f"events/{event.type}.json"] = schema(event)
        found[f"{service.name}/asyncapi.json"] = asyncapi(service)
        found[f"{service.name}/openapi.json"] = openapi(service)
    return found


def schema(event: type[Event]) -> Schema:
    """Of what is published: what is sealed does not leave the service."""
    made = event.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_opened(made, event)}


def _opened(made: Schema, event: type[Event]) -> Schema:
    properties = {n: p for n, p in made.get("properties", {}).items() if n not in event.sealed}
    required = [name for name in made.get("required", []) if name not in event.sealed]
    return {**made, "properties": properties, "required": required}


def asyncapi(service: Service) -> Schema:
    """The topics of a service: what it sends there, what it receives."""
    broker = KafkaBroker("localhost:9092")
    for event in sorted(set(service.publishes), key=lambda event: event.type):
        topic = _topic(event) or service.topic
        broker.publisher(topic, title=event.type, description=event.__doc__, schema=event)
    made = AsyncAPI(broker, schema_version="3.0.0", title=f"civicgrid {service.name}", version="1")
    document = json.loads(made.to_specification().to_json())
    for event in service.publishes:
        schemas = document["components"]["schemas"]
        if event.__name__ in schemas:
            schemas[event.__name__] = _opened(schemas[event.__name__], event)
    for message in document["components"]["messages"].values():
        message["correlationId"] = {"location": "$message.header#/ce_correlationid"}
        message["contentType"] = "application/json"
    document["x-receives"] = {"topics": sorted(service.consumes), "types": sorted(service.reads)}
    return cast(Schema, document)


def _topic(event: type[Event]) -> str | None:
    """Where the type names it; receipts go to a topic of each source."""
    if event is AuditAnchored:
        return TOPIC
    return "civicgrid.receipts.{source}" if event.topic is not Event.topic else None


def openapi(service: Service) -> Schema:
    app = FastAPI(title=f"civicgrid {service.name}", version="1")
    nobody = cast(Any, None)
    app.include_router(service.routes(Desk(service.name, nobody, nobody, nobody, nobody, nobody)))
    return described(app)


def write(services: Sequence[Service], folder: Path = FOLDER) -> list[str]:
    """Bring the folder to what the code says; the paths that changed. Raises BreakingChange."""
    changed = []
    wanted = documents(services)
    for path, document in wanted.items():
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


def breaking(before: Schema, after: Schema, at: str = "") -> Iterator[str]:
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
        yield from breaking(old, new, f"{at}/{name}")
    added = set(after.get("enum", [])) - set(before.get("enum", []))
    if "enum" in before and added:
        yield f"{at} has values that no reader knows: {', '.join(sorted(map(str, added)))}"


def _type(schema: Schema) -> object:
    """Not its format, which says more of what was promised before."""
    told = schema.get("type") or schema.get("$ref")
    return told or sorted(str(_type(one)) for one in schema.get("anyOf", []))


if __name__ == "__main__":
    from cli.city import SERVICES

    for path in write(SERVICES):
        print(path)
