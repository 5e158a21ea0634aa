"""Every field that there is, by the place where it is held: worked out from code and databases."""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from prometheus_client.metrics import MetricWrapperBase

from cli import contracts
from libs.common import metrics
from libs.common.service import Service
from tests.support.servers import ROOT

Places = Mapping[str, set[str]]
"""Place -> names of its fields."""

LOGGERS = ("debug", "info", "warning", "error", "exception", "critical", "bind")
COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'public'
  AND NOT (SELECT relispartition FROM pg_class WHERE oid = format('%I', table_name)::regclass)
"""


def of_code(services: Sequence[Service]) -> Places:
    """All but columns."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for service in services:
        for decider in service.aggregates:
            found[f"state {service.name}.{decider.name}"] |= names(decider.state.json_schema())
        for event in {*service.publishes, *service.reads.values()}:
            found[f"event {event.type}"] |= names(event.model_json_schema())
        document = contracts.openapi(service)
        schemas = document["components"]["schemas"]
        for name in asked_for(document):
            found[f"body {service.name}.{name}"] |= names(schemas[name])
        for route in document["paths"].values():
            for action in route.values():
                asked = (one["name"] for one in action.get("parameters", ()))
                found[f"asked {service.name}"].update(asked)
    found["log"] |= set(logged())
    found["label"] |= {label for metric in measured() for label in metric._labelnames}
    return {place: fields for place, fields in found.items() if fields}


def asked_for(document: Mapping[str, Any]) -> set[str]:
    """Names of schemas of what callers send, and of problems; the others are of answers, held as
    they are given (`tests/support/answered.py`)."""
    operations = [one for route in document["paths"].values() for one in route.values()]
    left = named([one.get("requestBody") for one in operations]) | {"Problem"}
    found: set[str] = set()
    while left:
        found |= left
        left = named([document["components"]["schemas"][name] for name in left]) - found
    return found


def named(schema: Any) -> set[str]:
    """Of the schemas that it is made of."""
    text = json.dumps(schema)
    return set(re.findall(r'"#/components/schemas/([^"]+)"', text))


def names(schema: Mapping[str, Any]) -> set[str]:
    """Properties of an object and of all that it is made of."""
    parts = (schema, *schema.get("$defs", {}).values())
    return {name for part in parts for name in part.get("properties", {})}


def of_table(service: str, rows: Iterable[Sequence[str]]) -> Places:
    """Of rows as `COLUMNS` gives them."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for table, column in rows:
        found[f"column {service}.{table}"].add(column)
    return found


def measured() -> Iterator[MetricWrapperBase]:
    return (one for one in vars(metrics).values() if isinstance(one, MetricWrapperBase))


def logged(folders: Sequence[str] = ("libs", "services", "cli")) -> Iterator[str]:
    """Keys of lines of the log, as calls in the code name them."""
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield from _logged_in(file)


def _logged_in(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(value, attr)) if "log" in ast.unparse(value):
                if attr in LOGGERS:
                    yield from (word.arg or "**" for word in node.keywords)
