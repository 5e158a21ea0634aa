"""What a campaign sees with: the client, the proxy and the look at the end must not look away."""

from __future__ import annotations

import json
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import httpx

from libs.embedded.process import free_port
from tests.faults.campaign.children import Child, Children
from tests.faults.campaign.client import Client
from tests.faults.campaign.history import History
from tests.faults.campaign.proxy import Link
from tests.faults.campaign.words import Lead, new_id


class Forgetful(httpx.AsyncBaseTransport):
    """A service that gives the first answer again for a key, whatever the body is then."""

    def __init__(self) -> None:
        self._given: dict[str, tuple[str, bytes]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        key, version = request.headers["Idempotency-Key"], request.headers.get("If-Match", "")
        first = key not in self._given
        expected, body = self._given.setdefault(key, (version, await request.aread()))
        if version != expected:
            return httpx.Response(409, json={})
        return httpx.Response(201 if first else 200, content=body)


async def test_another_body_under_a_key_is_tried(tmp_path: Path) -> None:
    history, chance = History(tmp_path / "history.jsonl"), Mock(wraps=random.Random(1))
    chance.random = lambda: 0.0
    client = Client({"leads": ["http://leads"]}, history, chance)
    client._http = httpx.AsyncClient(transport=Forgetful(), headers={"If-Match": "*"})
    lead = Lead(new_id(), "theft", "c-1", "app", "normal", None)
    place = ("leads", "POST", "/leads")
    told: Any = {"subject": lead.id, "event": "lead.captured.v1", "fields": []}
    await client.command(
        "capture", lead.id, place, lead.body, lead.stored, other=lead.other, **told
    )
    lines = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    again = {line["how"]: line["same"] for line in lines if line["what"] == "again"}
    assert again == {"the same": True, "another": True, "another body": False}


async def test_an_error_of_ours_is_noted_whatever_was_asked(tmp_path: Path) -> None:
    def crash(request: httpx.Request) -> httpx.Response:
        return httpx.Response(500 if request.method == "GET" else 503, json={})

    history = History(tmp_path / "history.jsonl")
    client = Client({"alerts": ["http://alerts"]}, history, random.Random(1))
    client._http = httpx.AsyncClient(transport=httpx.MockTransport(crash))
    await client.ask("alerts", "GET", "/alerts")
    await client.ask("alerts", "POST", "/alerts/1/acknowledge")
    lines = (tmp_path / "history.jsonl").read_text().splitlines()
    told = [json.loads(line) for line in lines]
    assert [one["status"] for one in told if "status" in one] == [500]


async def test_a_process_that_does_not_say_how_it_is_stands_still(tmp_path: Path) -> None:
    silent: Any = SimpleNamespace(instance="0", admin_port=free_port(None))
    children = Children((), Mock(), tmp_path, Mock())
    children.every = [Child("leads", silent)]
    assert await children.faults() == {"leads-0": "no answer"}


def test_a_link_whose_socket_is_gone_is_reset_all_the_same() -> None:
    """As uvloop tells it."""
    writers: list[Any] = [Mock(), Mock()]
    writers[0].get_extra_info().setsockopt.side_effect = ValueError("negative file descriptor")
    Link(*writers).reset()
    assert all(one.transport.abort.called for one in writers)
