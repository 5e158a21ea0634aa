"""What a service sends and receives over Kafka, as AsyncAPI 3.0; and the headers of all of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI

from libs.common.contracts.audit import TOPIC, AuditAnchored
from libs.common.contracts.leads import Receipt
from libs.common.ids import FORM
from libs.common.messages import Event
from libs.common.service import Service
from libs.common.wire import LONGEST, TRACEPARENT
from libs.common.work import INTAKE

Schema = dict[str, Any]

BY_SOURCE = "{source}"
BY_SERVICE = "civicgrid.{service}"
_TEXT = {"type": "string", "minLength": 1, "maxLength": LONGEST}
_ID = {"type": "string", "format": "uuid"}
_STORY: Schema = {
    "ce_correlationid": {"type": "string", "description": "one story, from its first message on"},
    "traceparent": {"type": "string", "pattern": f"^{TRACEPARENT.pattern}$"},
    "ce_exercise": {"const": "true", "description": "in a drill; else absent"},
}
HEADERS: Schema = {
    "type": "object",
    "description": "CloudEvents 1.0, Kafka binding, binary mode: every value is text in UTF-8.",
    "required": [
        *("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_partitionkey"),
        *("ce_time", "ce_aggregateversion", "ce_correlationid", "ce_causationid"),
        *("ce_causationsource", "ce_actorref", "content-type"),
    ],
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {**_ID, "description": "by which a repeat is known"},
        "ce_type": {"type": "string"},
        "ce_source": {"type": "string", "description": "the service, such as /civicgrid/leads"},
        "ce_subject": {**_ID, "description": "the aggregate"},
        "ce_partitionkey": {"type": "string", "description": "the key of the record"},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_aggregateversion": {
            **{"type": "string", "pattern": "^[1-9][0-9]*$"},
            "description": "1, 2, 3 ... of its aggregate, without a gap",
        },
        "ce_causationid": {**_ID, "description": "the message that caused this one"},
        "ce_causationsource": {"type": "string"},
        "ce_actorref": {"type": "string", "description": "a random reference; never a name"},
        "content-type": {"const": "application/json"},
        **_STORY,
    },
}
INTAKE_HEADERS: Schema = {
    "type": "object",
    "description": "Of an outside source. None may come twice; others are passed over.",
    "required": ["ce_specversion", "ce_id", "ce_type", "ce_source"],
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {**_TEXT, "description": "another for another message, whatever the source likes"},
        "ce_type": _TEXT,
        "ce_source": {**_TEXT, "description": "who sends; the topic says who that is"},
        "content-type": {"const": "application/json"},
        **_STORY,
        "ce_correlationid": {"type": "string", "pattern": f"^([0-9a-f]{{32}}|{FORM})$"},
    },
}
"""Those of the story are taken over where they have this form, else passed over."""


def outside(service: Service, services: Sequence[Service]) -> list[type[Event]]:
    """What it reads that no service publishes."""
    inside = {event for one in services for event in one.publishes}
    return [event for event in _read(service) if event not in inside]


def asyncapi(service: Service, services: Sequence[Service]) -> Schema:
    """The topics of a service: what it sends there, what it receives."""
    document = _sent(service)
    schemas = document["components"]["schemas"]
    schemas["Headers"] = HEADERS
    for message in document["components"]["messages"].values():
        message |= _message("Headers", "the community where the item began, else the aggregate")
    for event in _read(service):
        _receive(document, event, _written_to(event, service, services))
    if outside(service, services):
        schemas["IntakeHeaders"] = INTAKE_HEADERS
    return document


def _read(service: Service) -> list[type[Event]]:
    return sorted(service.reads.values(), key=lambda event: event.type)


def _sent(service: Service) -> Schema:
    broker = KafkaBroker("localhost:9092")
    for event in sorted(set(service.publishes), key=lambda event: event.type):
        topic = _topic(event) or service.topic
        broker.publisher(topic, title=event.type, description=event.__doc__, schema=event)
    made = AsyncAPI(broker, schema_version="3.0.0", title=f"civicgrid {service.name}", version="1")
    document: Schema = json.loads(made.to_specification().to_json())
    schemas = document["components"]["schemas"]
    for event in service.publishes:
        if event.__name__ in schemas:
            schemas[event.__name__] = opened(schemas[event.__name__], event)
    for channel in document["channels"].values():
        channel |= _parameters(channel["address"], ())
    return document


def opened(made: Schema, event: type[Event]) -> Schema:
    """Without what is sealed."""
    properties = {n: p for n, p in made.get("properties", {}).items() if n not in event.sealed}
    required = [name for name in made.get("required", []) if name not in event.sealed]
    return {**made, "properties": properties, "required": required}


def _topic(event: type[Event]) -> str | None:
    """Where the type names it; receipts go to a topic of each source."""
    if event is AuditAnchored:
        return TOPIC
    return f"civicgrid.receipts.{BY_SOURCE}" if issubclass(event, Receipt) else None


def _written_to(event: type[Event], service: Service, services: Sequence[Service]) -> list[str]:
    """The topics from which it takes that type."""
    owners = [one.topic for one in services if event in one.publishes]
    return [one for one in owners if one in service.consumes] or [INTAKE + BY_SOURCE]


def _receive(document: Schema, event: type[Event], topics: Sequence[str]) -> None:
    """A channel, an operation and a message, whose payload stands beside these documents."""
    name, message = f"receive.{event.type}", f"{event.type}:Received"
    is_outside = topics[0].startswith(INTAKE)
    address = topics[0] if len(topics) == 1 else BY_SERVICE
    document["channels"][name] = {
        "address": address,
        "messages": {"Message": {"$ref": f"#/components/messages/{message}"}},
        "servers": [{"$ref": f"#/servers/{server}"} for server in document["servers"]],
        **_parameters(address, topics),
    }
    document["operations"][name] = {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": [{"$ref": f"#/channels/{name}/messages/Message"}],
    }
    headers = "IntakeHeaders" if is_outside else "Headers"
    key = "the source's own number of the item" if is_outside else "as its sender says"
    document["components"]["messages"][message] = {
        "title": event.type,
        "payload": {"$ref": f"../events/{event.type}.json"},
        **_message(headers, key),
    }


def _message(headers: str, key: str) -> Schema:
    return {
        "headers": {"$ref": f"#/components/schemas/{headers}"},
        "contentType": "application/json",
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "bindings": {"kafka": {"key": {"type": "string", "description": key}}},
    }


def _parameters(address: str, topics: Sequence[str]) -> Mapping[str, Any]:
    if BY_SOURCE in address:
        return {"parameters": {"source": {"description": "the code of the outside source"}}}
    if address == BY_SERVICE:
        names = sorted(topic.rpartition(".")[2] for topic in topics)
        return {"parameters": {"service": {"enum": names}}}
    return {}
