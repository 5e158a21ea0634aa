"""S8: nothing that a caller sends makes a service call somewhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from cli.city import SERVICES
from tests.support.routes import routes_of
from tests.support.servers import ROOT

CLIENTS = {"httpx", "requests", "aiohttp", "urllib3", "http.client", "urllib.request", "ftplib",
           "smtplib", "telnetlib", "websockets", "subprocess"}  # fmt: skip
"""Services reach Kafka, PostgreSQL and, where they are set, a collector of traces and a provider of
accounts."""


MAY = {"services/portal/provider.py": {"httpx"}}
"""To the host of the provider that is set, and no further: its own tests say so."""


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names)


def test_no_service_has_anything_to_call_out_with() -> None:
    """`libs/embedded` begins the servers of one machine, and no service imports it."""
    for folder in ("services", "libs/common", "libs/city", "libs/rights"):
        for file in (ROOT / folder).rglob("*.py"):
            names = set(imported(file))
            found = (names | {name.partition(".")[0] for name in names}) & CLIENTS
            assert found <= MAY.get(str(file.relative_to(ROOT)), set()), f"{file}: {found}"
            assert not [name for name in names if name.startswith("libs.embedded")], file


def test_no_caller_sends_an_address() -> None:
    """No field of a body is a URL, or is called one."""
    for service in SERVICES:
        for route in routes_of(service):
            if route.body_field:
                annotation = route.body_field.field_info.annotation
                text = str(annotation.model_json_schema()).lower()  # type: ignore[union-attr]
                assert not [one for one in ("'uri'", "url", "webhook", "callback") if one in text]
