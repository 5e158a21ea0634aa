from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from tests.support.servers import Ground, ground, kind_of_servers

os.environ["COLUMNS"] = "200"
"""Else tables are folded to the width of whatever runs the tests."""
settings.register_profile(
    "any machine", suppress_health_check=[HealthCheck.too_slow], deadline=None
)
settings.load_profile("any machine")
TIERS = ("unit", "contract", "integration", "e2e", "attacks", "fuzz", "faults")
TOGETHER = re.compile(
    "tests/(attacks|e2e/small_city|integration/portal|faults/test_(?=campaign|checker))"
)
"""How the paths begin of tests that share what takes long to make: a town, or the campaign."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folder of a test is its tier."""
    for item in items:
        tier = item.path.relative_to(Path(__file__).parent).parts[0]
        if tier in TIERS:
            item.add_marker(tier)


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """What runs at the same time is files, but for those that stay together."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        together = TOGETHER.match(file)
        return together.group() if together else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)


def pytest_report_header() -> str:
    return f"servers: {kind_of_servers()}"


@pytest.fixture(scope="session")
def servers() -> Iterator[Ground]:
    with ground() as there:
        yield there
