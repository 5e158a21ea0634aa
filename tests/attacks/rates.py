"""The same town, asked where less may be asked."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest

from libs.common.serving import interface
from tests.support.town import Town


@contextmanager
def at_rates(town: Town, account: float = 1e6, address: float = 1e6) -> Iterator[Town]:
    """Requests a second; the services are those of the town."""
    rates = {"account_rate": account, "address_rate": address}
    limited = []
    for running in town.running.values():
        if running is None:
            pytest.skip("the rates of services elsewhere are not ours to set")
        other = copy.copy(running)
        other._settings = running._settings.model_copy(update=rates)
        limited.append(other)
    transport = httpx.ASGITransport(interface(limited), raise_app_exceptions=False)
    client = httpx.AsyncClient(transport=transport, base_url=town.client.base_url)
    yield replace(town, client=client)
